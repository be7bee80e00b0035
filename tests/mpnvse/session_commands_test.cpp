// `mpnvse report` and `mpnvse compare` on good, torn and foreign files.
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
using testing::HasSubstr;
using testing::IsEmpty;

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

    fs::path put(const std::string& name, const std::vector<std::uint8_t>& bytes) {
        const fs::path path = folder_ / name;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return path;
    }
    static std::string text_of(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path folder_;
};

TEST_F(SessionCommands, AReportLiesBesideItsSession) {
    const fs::path session = put("a.mpsession", example_session({.seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = {}, .quiet = true});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.out, HasSubstr("17 of 17 functions replaced, good"));
    EXPECT_THAT(outcome.out, HasSubstr((folder_ / "a.html").string()));
    EXPECT_THAT(text_of(folder_ / "a.html"), HasSubstr("a.mpsession"));
}

TEST_F(SessionCommands, AReportOfScrapModeSaysThatItsFourFunctionsWereChosen) {
    const fs::path session = put("a.mpsession", example_session({.mode = ExampleMode::scrap, .seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = {}, .quiet = true});
    EXPECT_THAT(outcome.out, HasSubstr("4 of 17 functions replaced (4 chosen with the mode), good"));
}

TEST_F(SessionCommands, AReportGoesWhereItIsAskedTo) {
    const fs::path session = put("a.mpsession", example_session({.seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = folder_ / "b.html", .quiet = true});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_TRUE(fs::exists(folder_ / "b.html"));
    EXPECT_FALSE(fs::exists(folder_ / "a.html"));
}

TEST_F(SessionCommands, ACrashedSessionGivesAReportThatSaysSo) {
    std::vector<std::uint8_t> bytes = example_session({.seconds = 5, .ends_in_order = false});
    bytes.resize(bytes.size() - 7);
    const Outcome outcome = make_report({.session = put("a.mpsession", bytes), .output = {}, .quiet = true});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("no orderly end"));
    EXPECT_THAT(outcome.out, HasSubstr("bytes at the end"));
}

TEST_F(SessionCommands, JsonIsADocumentAndWritesNoPage) {
    const fs::path session = put("a.mpsession", example_session({.seconds = 5}));
    const Outcome outcome = make_report({.session = session, .output = {}, .json = true, .quiet = true});
    EXPECT_EQ(nlohmann::json::parse(outcome.out)["totals"]["patched"], 17);
    EXPECT_FALSE(fs::exists(folder_ / "a.html"));
}

TEST_F(SessionCommands, AForeignFileIsNoSession) {
    const std::string text = "not a session";
    const fs::path file = put("a.txt", {text.begin(), text.end()});
    const Outcome outcome = make_report({.session = file, .output = {}, .quiet = true});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("not a session file"));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_FALSE(fs::exists(folder_ / "a.html"));
}

TEST_F(SessionCommands, AMissingFileIsNotReadable) {
    EXPECT_EQ(make_report({.session = folder_ / "none", .output = {}, .quiet = true}).code, 3);
    const fs::path session = put("a.mpsession", example_session({.seconds = 5}));
    EXPECT_EQ(make_comparison({.first = session, .second = folder_ / "none", .output = {}, .quiet = true}).code, 3);
}

TEST_F(SessionCommands, APageThatCannotBeWrittenFailsAndLeavesNothing) {
    const fs::path session = put("a.mpsession", example_session({.seconds = 5}));
    const fs::path nowhere = folder_ / "no such folder" / "a.html";
    EXPECT_EQ(make_report({.session = session, .output = nowhere, .quiet = true}).code, 1);
    EXPECT_FALSE(fs::exists(nowhere.parent_path()));
}

TEST_F(SessionCommands, AComparisonShowsBothAndCanBeAPage) {
    const fs::path off = put("off.mpsession", example_session({.mode = ExampleMode::off, .seconds = 5}));
    const fs::path full = put("full.mpsession", example_session({.seconds = 10}));
    const Outcome outcome =
        make_comparison({.first = off, .second = full, .output = folder_ / "c.html", .quiet = true});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.out, HasSubstr("off.mpsession"));
    EXPECT_THAT(outcome.out, HasSubstr("memory work in a frame"));
    EXPECT_THAT(text_of(folder_ / "c.html"), HasSubstr("full.mpsession"));
}

TEST_F(SessionCommands, AComparisonSaysWhichSideHasNoOrderlyEnd) {
    const fs::path off = put("off.mpsession", example_session({.mode = ExampleMode::off, .seconds = 5}));
    std::vector<std::uint8_t> torn = example_session({.seconds = 5, .ends_in_order = false});
    torn.resize(torn.size() - 7);
    const fs::path crashed = put("crashed.mpsession", torn);
    CompareRequest request{.first = off, .second = crashed, .output = {}, .quiet = true};
    EXPECT_THAT(make_comparison(request).out, HasSubstr("crashed.mpsession\n  no orderly end"));
    request.json = true;
    const auto remarks = nlohmann::json::parse(make_comparison(request).out)["remarks"];
    EXPECT_TRUE(remarks["first"].empty());
    EXPECT_EQ(remarks["second"].size(), 2U);
}

TEST_F(SessionCommands, AComparisonAsJsonHasEveryFigure) {
    const fs::path session = put("a.mpsession", example_session({.seconds = 5}));
    const Outcome outcome =
        make_comparison({.first = session, .second = session, .output = {}, .json = true, .quiet = true});
    const auto json = nlohmann::json::parse(outcome.out);
    EXPECT_GE(json["figures"].size(), 10U);
    EXPECT_EQ(json["figures"][0]["ratio"], 1);
}

}  // namespace
}  // namespace mp::tools::test
