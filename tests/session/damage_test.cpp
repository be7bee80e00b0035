// Torn, damaged and foreign session files: never a crash, never a wrong value, everything before the damage is read.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.h"
#include "session/reader.h"

namespace mp::session::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct Read {
    std::size_t rows = 0;
    std::vector<std::string> remarks;
};

/// Reads to the end; every row must be one of those written, in their order.
Read read_true_rows(const std::string& text) {
    Read read;
    auto reader = Reader::open(text);
    EXPECT_TRUE(reader);
    while (reader && reader->next()) {
        if (reader->event().empty()) {
            EXPECT_LT(read.rows, kRows);
            EXPECT_TRUE(std::ranges::equal(reader->figures(), figures(read.rows)));
            ++read.rows;
        }
    }
    EXPECT_TRUE(!reader || read.rows == 0 || std::ranges::equal(reader->figures(), figures(read.rows - 1)));
    read.remarks = reader ? reader->remarks("x.csv") : std::vector<std::string>{};
    return read;
}

TEST(Damage, AFileCutAtAnyByteGivesEveryWholeLineBeforeTheCut) {
    const std::string whole = recorded();
    std::size_t rows_before = 0;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        const auto lines = static_cast<std::size_t>(std::ranges::count(cut, '\n'));
        if (lines < 2) {
            const auto reader = Reader::open(cut);
            ASSERT_FALSE(reader) << "cut at " << size;
            EXPECT_EQ(reader.error().line, lines + 1);
            continue;
        }
        const Read read = read_true_rows(cut);
        EXPECT_GE(read.rows, rows_before) << "cut at " << size;
        rows_before = read.rows;
        const bool torn = !cut.ends_with('\n');
        const std::string remark = "x.csv:" + std::to_string(lines + 1) + ": the last line is torn";
        EXPECT_EQ(testing::Value(read.remarks, Contains(HasSubstr(remark))), torn) << "cut at " << size;
        EXPECT_EQ(testing::Value(read.remarks, Not(Contains(HasSubstr("no orderly end")))), size == whole.size());
    }
    EXPECT_EQ(rows_before, kRows);
}

TEST(Damage, ALineThatIsNoneEndsTheReadingAndIsNamed) {
    for (const char* wrong : {"x,,5", "2500,,5,five", "2500,,1,2,3,4,5", "2500,\"open", "2500,\"a\"b", "500,,1", "",
                              "2500,,99999999999999999999", "-1,,1", "2500,,+1", "2500,, 1"}) {
        std::string text = recorded();
        const std::size_t at = text.find("\n3000,") + 1;
        text.insert(at, std::string(wrong) + "\n");
        const Read read = read_true_rows(text);
        EXPECT_EQ(read.rows, 3U) << wrong;
        EXPECT_THAT(read.remarks, Contains(HasSubstr("x.csv:7: no line of a session"))) << wrong;
    }
}

TEST(Damage, AnyWrongBitIsReadWithoutACrash) {
    const std::string whole = recorded();
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string damaged = whole;
        damaged[bit / 8] = static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ 1U << bit % 8);
        auto reader = Reader::open(damaged);
        std::size_t lines = 0;
        while (reader && reader->next()) {
            ++lines;
        }
        EXPECT_LE(lines, static_cast<std::size_t>(std::ranges::count(damaged, '\n')));
    }
}

TEST(Damage, ZerosBehindTheLastLineAreTornOff) {
    const Read read = read_true_rows(recorded() + std::string(4096, '\0'));
    EXPECT_EQ(read.rows, kRows);
    EXPECT_THAT(read.remarks, Contains(HasSubstr("x.csv:11: the last line is torn")));
}

TEST(Damage, ForeignFilesAreRefusedByName) {
    for (const std::string& file :
         {std::string(), std::string("MZ"), std::string(1000, 'M'), std::string(100'000, '\0'),
          std::string("name,event\n1,2\n"), std::string("MPNVSES\x1A")}) {
        const auto reader = Reader::open(file);
        ASSERT_FALSE(reader);
        EXPECT_THAT(describe(reader.error(), "x.csv"), HasSubstr("x.csv:1: not a session of MemoryPoolNVSE"));
    }
}

TEST(Damage, AFirstLineAloneIsNoSession) {
    const std::string whole = recorded();
    const auto reader = Reader::open(std::string_view(whole).substr(0, whole.find('\n') + 1));
    ASSERT_FALSE(reader);
    EXPECT_EQ(describe(reader.error(), "x.csv"), "x.csv:2: the session ends before its first whole line");
}

}  // namespace
}  // namespace mp::session::test
