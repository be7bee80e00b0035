// What is written is what is read, by our reader and by anybody who knows CSV.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.h"
#include "session/reader.h"

namespace mp::session::test {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Session, IsCsvWithDifferencesWithoutZerosAndEventsInAColumnOfTheirOwn) {
    EXPECT_EQ(recorded(), "ms,event,allocations,live KB,never used,kernel calls saved\n"
                          "0,\"plugin version: 1.2.3\"\n"
                          "0,\"mode: full\"\n"
                          "0,,,3000000\n"
                          "1000,,5000000000,-2999000,,-7\n"
                          "2000,,5000000000,2999000,,-7\n"
                          "3000,,5000000000,-2999000,,-7\n"
                          "4000,,5000000000,2999000,,-7\n"
                          "4500,\"warning: it said \"\"no\"\", twice, and went on\"\n"
                          "5000,\"end: in order\"\n");
}

TEST(Session, ReadsWhatWasWritten) {
    const std::string text = recorded();
    auto reader = Reader::open(text);
    ASSERT_TRUE(reader);
    EXPECT_THAT(reader->columns(), ElementsAre("allocations", "live KB", "never used", "kernel calls saved"));
    std::vector<std::string> events;
    std::size_t rows = 0;
    while (reader->next()) {
        if (reader->event().empty()) {
            EXPECT_EQ(reader->ms(), 1000 * rows);
            EXPECT_THAT(reader->figures(), ElementsAreArray(figures(rows)));
            ++rows;
        } else {
            events.push_back(std::to_string(reader->ms()) + " " + reader->event());
        }
    }
    EXPECT_EQ(rows, kRows);
    EXPECT_THAT(events, ElementsAre("0 plugin version: 1.2.3", "0 mode: full",
                                    "4500 warning: it said \"no\", twice, and went on", "5000 end: in order"));
    EXPECT_THAT(reader->remarks("x.csv"), IsEmpty());
}

TEST(Session, IsReadAfterASpreadsheetSavedIt) {
    std::string text = recorded();
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 4)) {
        text.replace(at, 1, ",,\r\n");
    }
    auto reader = Reader::open(text);
    ASSERT_TRUE(reader);
    std::size_t rows = 0;
    while (reader->next()) {
        rows += reader->event().empty() ? 1 : 0;
    }
    EXPECT_EQ(rows, kRows);
    EXPECT_THAT(reader->remarks("x.csv"), IsEmpty());
}

TEST(Session, AnEventMayBeOlderThanTheRowBeforeIt) {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    writer.row(1000, figures(1));
    writer.event(900, "note", "it was on its way");
    writer.row(2000, figures(2));
    auto reader = Reader::open(file.text);
    ASSERT_TRUE(reader);
    for (const std::uint64_t ms : {1000U, 900U, 2000U}) {
        ASSERT_TRUE(reader->next());
        EXPECT_EQ(reader->ms(), ms);
    }
}

TEST(Session, ALineIsOneWriteSoThatACrashTearsAtMostOne) {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    EXPECT_EQ(file.writes, 1U);
    EXPECT_TRUE(writer.row(0, figures(1)));
    EXPECT_EQ(file.writes, 2U);
    EXPECT_TRUE(writer.event(0, "mode", "full"));
    EXPECT_EQ(file.writes, 3U);
}

TEST(Session, EightHoursStayBelowTwentyMegabytesWhenEveryFigureChangesEverySecond) {
    constexpr std::size_t kFigures = 70;     // and of the histogram of frames
    constexpr std::size_t kFrameTimes = 40;  // no second has more frames than two digits tell
    constexpr std::size_t kColumns = kFigures + kFrameTimes;
    std::size_t written = 0;
    Writer writer;
    writer.open({[](void* context, const void* /*data*/, std::size_t size) {
                     *static_cast<std::size_t*>(context) += size;
                     return true;
                 },
                 &written});
    for (std::size_t i = 0; i < kColumns; ++i) {
        writer.column("a figure with a name");
    }
    writer.begin();
    std::vector<std::int64_t> totals(kColumns);
    for (std::uint64_t second = 0; second < std::uint64_t{8} * 3600; ++second) {
        for (std::size_t i = 0; i < kColumns; ++i) {
            totals[i] += i < kFigures ? 999'999 : 2;
        }
        ASSERT_TRUE(writer.row(1000 * second, totals));
    }
    EXPECT_LT(written, 20'000'000U);
    EXPECT_GT(written, 8U * 3600 * kColumns);
}

TEST(Session, AfterARefusedWriteNothingMoreIsWritten) {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    file.capacity = file.text.size();
    const std::string before = file.text;
    EXPECT_FALSE(writer.event(0, "key", "value"));
    file.capacity = SIZE_MAX;
    EXPECT_FALSE(writer.is_open());
    EXPECT_FALSE(writer.event(0, "key", "value"));
    EXPECT_FALSE(writer.row(0, figures(1)));
    EXPECT_EQ(file.text, before);
}

TEST(Session, AWriterThatWasNeverOpenedOrIsClosedRefuses) {
    Writer writer;
    EXPECT_FALSE(writer.event(0, "key", "value"));
    EXPECT_FALSE(writer.row(0, figures(1)));
    MemoryFile file;
    open(writer, file);
    writer.close();
    EXPECT_FALSE(writer.row(0, figures(1)));
    EXPECT_EQ(file.writes, 1U);
}

TEST(Session, AColumnTooManyIsRefusedAndTheFileStaysGood) {
    MemoryFile file;
    Writer writer;
    writer.open(file.sink());
    for (std::size_t i = 0; i < kMaxColumns; ++i) {
        EXPECT_TRUE(writer.column(std::string(2 * kLongestName, 'n')));
    }
    EXPECT_FALSE(writer.column("one more"));
    ASSERT_TRUE(writer.begin());
    const std::vector<std::int64_t> most(kMaxColumns + 1, INT64_MIN);
    EXPECT_TRUE(writer.row(UINT32_MAX, most));
    auto reader = Reader::open(file.text);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->columns().size(), kMaxColumns);
    ASSERT_TRUE(reader->next());
    EXPECT_THAT(reader->figures(), testing::Each(INT64_MIN));
}

TEST(Session, LongTextsAreCut) {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    const std::string longest(100'000, '"');
    EXPECT_TRUE(writer.event(0, longest, longest));
    auto reader = Reader::open(file.text);
    ASSERT_TRUE(reader);
    ASSERT_TRUE(reader->next());
    EXPECT_EQ(reader->event(), std::string(kLongestEvent, '"') + ": " + std::string(kLongestEvent, '"'));
}

TEST(Session, ASessionWithoutAnEndSaysSo) {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    ASSERT_TRUE(writer.row(0, figures(1)));
    auto reader = Reader::open(file.text);
    ASSERT_TRUE(reader);
    while (reader->next()) {}
    EXPECT_THAT(reader->remarks("x.csv"), ElementsAre(HasSubstr("no orderly end")));
}

TEST(Session, APageAsTheLastLineSaysThatTheGameStillRuns) {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    ASSERT_TRUE(writer.row(0, figures(1)));
    ASSERT_TRUE(writer.event(10, kPage, "of the session so far"));
    const auto remarks = [&file] {
        auto reader = Reader::open(file.text);
        while (reader && reader->next()) {}
        return reader ? reader->remarks("x.csv") : std::vector<std::string>{"unreadable"};
    };
    EXPECT_THAT(remarks(), IsEmpty());
    ASSERT_TRUE(writer.row(1000, figures(2)));
    EXPECT_THAT(remarks(), ElementsAre(HasSubstr("no orderly end"))) << "it went on, and then was lost";
}

TEST(Session, AnEventIsOfAKindOnlyWhenTheWholeKindStandsThere) {
    EXPECT_EQ(text_of("verdict: all is well", kVerdict), "all is well");
    EXPECT_FALSE(text_of("verdicts: two", kVerdict));
    EXPECT_FALSE(text_of("verdict", kVerdict));
    EXPECT_FALSE(text_of("", kVerdict));
}

}  // namespace
}  // namespace mp::session::test
