// README as a player meets it: what stands first, how long it is, and that its names are those of what is built.
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/version.h"
#include "project_files.h"

namespace {

namespace fs = std::filesystem;

using mp::test::kRoot;
using mp::test::read_file;

constexpr const char* kPlaceholder = "https://releases.invalid/";

std::string readme() {
    return read_file(kRoot / "README.md");
}

/// The text before a heading.
std::string before(const std::string& heading) {
    const std::string text = readme();
    EXPECT_NE(text.find(heading), std::string::npos) << heading;
    return text.substr(0, text.find(heading));
}

/// Rows that a text takes on a page as wide as the site of the project shows it; blank lines are not counted.
std::size_t rows(const std::string& text) {
    constexpr std::size_t kColumns = 115;
    std::size_t count = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        count += (line.size() + kColumns - 1) / kColumns;
    }
    return count;
}

constexpr std::size_t kScreen = 45;  // rows

TEST(Readme, ItsFirstScreenHasWhatAPlayerNeedsInThisOrder) {
    const std::string first = before("## What it does");
    EXPECT_LE(rows(first), kScreen);
    std::size_t place = 0;
    for (const char* part :
         {"# MemoryPoolNVSE", "Tale of Two Wastelands (TTW)", "**State:", "**Download**",
          "MemoryPoolNVSE-" MP_VERSION_TEXT ".zip", kPlaceholder, "**Install**", "\n1. ", "\n2. ", "\n3. ",
          "MemoryPoolNVSE " MP_VERSION_TEXT ": all is well; full mode", "**Update**", "**Uninstall**"}) {
        const std::size_t found = first.find(part, place);
        ASSERT_NE(found, std::string::npos) << part << ": missing, or not in its place";
        place = found;
    }
}

TEST(Readme, ThePlayersPartFitsTwoScreens) {
    EXPECT_LE(rows(before("## Results on the stand-in")), 2 * kScreen);
}

TEST(Readme, ZipsAreNamedByTheVersionThatIsBuiltAndTheToolsWherePlayersMeetMpnvse) {
    static const std::regex kZip(R"(MemoryPoolNVSE-(tools-)?(\d+\.\d+\.\d+)\.zip)");
    for (const char* file : {"README.md", "package/mod-page.md", "docs/troubleshooting.md", "docs/mpnvse.md"}) {
        const std::string text = read_file(kRoot / file);
        EXPECT_THAT(text, testing::HasSubstr("MemoryPoolNVSE-tools-" MP_VERSION_TEXT ".zip")) << file;
        for (std::sregex_iterator zip(text.begin(), text.end(), kZip), end; zip != end; ++zip) {
            EXPECT_EQ((*zip)[2], MP_VERSION_TEXT) << file;
        }
    }
}

TEST(Readme, ThePlaceholderForTheReleasePageIsNamedWhereItIsToBeReplaced) {
    if (readme().find(kPlaceholder) != std::string::npos) {
        EXPECT_THAT(read_file(kRoot / "docs/releasing.md"), testing::HasSubstr(kPlaceholder));
    }
}

TEST(Readme, OneCommandBuildsAndPlaysAndOneTests) {
    const std::string text = readme();
    const std::string commands = text.substr(text.find("## For developers"));
    EXPECT_THAT(commands, testing::HasSubstr("\n./run "));
    EXPECT_THAT(commands, testing::HasSubstr("\n./test "));
    for (const char* command : {"run", "test"}) {
        EXPECT_TRUE(fs::exists(kRoot / command)) << command;
    }
}

}  // namespace
