// `mpnvse report` and `mpnvse compare` on good, torn and foreign files.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "example_session.h"
#include "mpnvse/session_commands.h"

namespace mp::tools::test {
namespace {

namespace fs = std::filesystem;

using report::test::example_session;
using report::test::ExampleMode;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A folder of its own for each test.
class SessionCommands : public testing::Test {
protected:
    void SetUp() override {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::temp_directory_path() / (std::string("mpnvse-") + test->name());
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    fs::path put(const std::string& name, const std::string& text) {
        const fs::path path = folder_ / name;
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    static std::string text_of(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path folder_;
};

TEST_F(SessionCommands, AReportLiesBesideItsSession) {
    const fs::path session = put("a.csv", example_session({.seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = {}});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.out, HasSubstr("6 rows, 5 s; MemoryPoolNVSE 0.1.0: all is well; full mode, 17 of 17 patches"));
    EXPECT_THAT(outcome.out, HasSubstr((folder_ / "a.html").string()));
    EXPECT_THAT(text_of(folder_ / "a.html"), HasSubstr("a.csv"));
}

TEST_F(SessionCommands, AReportOfScrapModeSaysThatItsFourFunctionsWereChosen) {
    const fs::path session = put("a.csv", example_session({.mode = ExampleMode::scrap, .seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = {}});
    EXPECT_THAT(outcome.out,
                HasSubstr("all is well; scrap mode, 4 of 17 patches, 6 of 21 front doors; chosen with sMode = scrap"));
}

TEST_F(SessionCommands, AReportGoesWhereItIsAskedTo) {
    const fs::path session = put("a.csv", example_session({.seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = folder_ / "b.html"});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_TRUE(fs::exists(folder_ / "b.html"));
    EXPECT_FALSE(fs::exists(folder_ / "a.html"));
}

TEST_F(SessionCommands, NoOutputIsWrittenOverItsInput) {
    const std::string text = example_session({.seconds = 5});
    const fs::path first = put("a.csv", text);
    const fs::path second = put("b.csv", text);
    const fs::path by_another_way = folder_ / "." / "a.csv";
    EXPECT_NE(make_report({.session = first, .output = first}).code, 0);
    EXPECT_NE(make_report({.session = first, .output = by_another_way}).code, 0);
    for (const fs::path& output : {first, second}) {
        const Outcome outcome = make_comparison({.first = first, .second = second, .output = output});
        EXPECT_NE(outcome.code, 0);
        EXPECT_THAT(outcome.errors, HasSubstr("not written over"));
    }
    EXPECT_EQ(text_of(first), text);
    EXPECT_EQ(text_of(second), text);
}

TEST_F(SessionCommands, ACrashedSessionGivesAReportThatSaysSo) {
    std::string text = example_session({.seconds = 5, .ends_in_order = false});
    text.resize(text.size() - 7);
    const auto line = std::to_string(std::ranges::count(text, '\n') + 1);
    const Outcome outcome = make_report({.session = put("a.csv", text), .output = {}});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("no orderly end"));
    EXPECT_THAT(outcome.out, HasSubstr("a.csv:" + line + ": the last line is torn"));
}

TEST_F(SessionCommands, JsonIsADocumentAndWritesNoPage) {
    const fs::path session = put("a.csv", example_session({.seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = {}, .json = true});
    const auto json = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(json["totals"]["functions replaced"], 17);
    EXPECT_EQ(json["rows"], 6);
    EXPECT_EQ(json["events"][0]["ms"], 12);
    EXPECT_FALSE(fs::exists(folder_ / "a.html"));
}

TEST_F(SessionCommands, AForeignFileIsNoSession) {
    const fs::path file = put("a.txt", "not a session");
    const Outcome outcome = make_report({.session = file, .output = {}});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("a.txt:1: not a session of MemoryPoolNVSE"));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_FALSE(fs::exists(folder_ / "a.html"));
}

TEST_F(SessionCommands, AFileThatIsCutBeforeItsFirstLineEndsIsNamedWithTheLine) {
    const std::string text = example_session({.seconds = 5});
    const Outcome outcome = make_report({.session = put("a.csv", text.substr(0, text.find('\n') + 5)), .output = {}});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("a.csv:2: the session ends before its first whole line"));
}

TEST_F(SessionCommands, AMissingFileIsNotReadable) {
    EXPECT_EQ(make_report({.session = folder_ / "none", .output = {}}).code, 3);
    const fs::path session = put("a.csv", example_session({.seconds = 5}));
    EXPECT_EQ(make_comparison({.first = session, .second = folder_ / "none", .output = {}}).code, 3);
}

TEST_F(SessionCommands, APageThatCannotBeWrittenFailsAndLeavesNothing) {
    const fs::path session = put("a.csv", example_session({.seconds = 5}));
    const fs::path nowhere = folder_ / "no such folder" / "a.html";
    EXPECT_EQ(make_report({.session = session, .output = nowhere}).code, 1);
    EXPECT_FALSE(fs::exists(nowhere.parent_path()));
}

TEST_F(SessionCommands, AComparisonShowsBothAndCanBeAPage) {
    const fs::path off = put("off.csv", example_session({.mode = ExampleMode::off, .seconds = 5}));
    const fs::path full = put("full.csv", example_session({.seconds = 10}));
    const Outcome outcome = make_comparison({.first = off, .second = full, .output = folder_ / "c.html"});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.out, HasSubstr("off.csv"));
    EXPECT_THAT(outcome.out, HasSubstr("frame, mean"));
    EXPECT_THAT(text_of(folder_ / "c.html"), HasSubstr("full.csv"));
}

TEST_F(SessionCommands, AComparisonSaysWhatIsBetterAndWhatWasNotMeasured) {
    const fs::path off = put("off.csv", example_session({.mode = ExampleMode::off, .seconds = 600}));
    const fs::path full = put("full.csv", example_session({.seconds = 900}));
    const std::string text = make_comparison({.first = off, .second = full, .output = {}}).out;
    EXPECT_THAT(text, testing::ContainsRegex("frame, mean +2.\\.. +1.\\..  ms     better by ..\\.. %\n"));
    EXPECT_THAT(text, testing::ContainsRegex("\nkernel calls per second +not measured +0\\...  1/s\n"));
    EXPECT_THAT(text, testing::ContainsRegex("largest hole, lowest .*, within the spread\n"));
    EXPECT_THAT(text, HasSubstr("full.csv\n  a frame cap of about 60 frames a second"));
    const std::string both = make_comparison({.first = off, .second = off, .output = {}}).out;
    EXPECT_THAT(both, testing::ContainsRegex("\nnot measured in either: .*kernel calls per second"));
    EXPECT_THAT(both, Not(HasSubstr("better")));
}

TEST_F(SessionCommands, AComparisonSaysWhichSideHasNoOrderlyEnd) {
    const fs::path off = put("off.csv", example_session({.mode = ExampleMode::off, .seconds = 5}));
    std::string torn = example_session({.seconds = 5, .ends_in_order = false});
    torn.resize(torn.size() - 7);
    const fs::path crashed = put("crashed.csv", torn);
    CompareRequest request{.first = off, .second = crashed, .output = {}};
    const std::string text = make_comparison(request).out;
    EXPECT_THAT(text.substr(text.find("\n\n", text.find("frame, mean"))),
                AllOf(HasSubstr("crashed.csv\n  "), HasSubstr("no orderly end"), Not(HasSubstr("off.csv"))));
    request.json = true;
    const auto remarks = nlohmann::json::parse(make_comparison(request).out)["remarks"];
    EXPECT_TRUE(remarks["first"].empty());
    EXPECT_EQ(remarks["second"].size(), 2U);
}

TEST_F(SessionCommands, AComparisonAsJsonHasEveryFigure) {
    const fs::path session = put("a.csv", example_session({.seconds = 5}));
    const Outcome outcome = make_comparison({.first = session, .second = session, .output = {}, .json = true});
    const auto json = nlohmann::json::parse(outcome.out);
    EXPECT_GE(json["figures"].size(), 10U);
    EXPECT_EQ(json["figures"][0]["ratio"], 1);
    EXPECT_EQ(json["figures"][0]["change"], "");
    EXPECT_TRUE(json["figures"][0]["first_spread"].is_null());
}

}  // namespace
}  // namespace mp::tools::test
