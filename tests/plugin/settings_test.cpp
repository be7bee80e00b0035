// The settings file: defaults, wrong values, unknown keys.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "plugin/settings.h"

namespace mp::plugin {
namespace {

std::string default_text() {
    static char text[16384];
    return {text, default_ini(text, sizeof text)};
}

SettingsResult read_text(const std::string& text) {
    const char* path = "settings_test.ini";
    std::ofstream(path) << text;
    const SettingsResult result = read_settings(path);
    std::remove(path);
    return result;
}

TEST(Settings, TheDefaultFileGivesTheDefaults) {
    const SettingsResult result = read_text(default_text());
    EXPECT_EQ(result.problem_count, 0U);
    for (const SettingEntry& entry : setting_entries()) {
        EXPECT_STREQ(entry.text(result.settings).text, entry.default_value) << entry.key;
        EXPECT_STREQ(entry.text(Settings{}).text, entry.default_value) << entry.key;
    }
}

TEST(Settings, AMissingFileGivesTheDefaults) {
    const SettingsResult result = read_settings("no such file.ini");
    EXPECT_FALSE(result.file_found);
    EXPECT_EQ(result.settings.mode, Mode::full);
    EXPECT_EQ(result.problem_count, 0U);
}

TEST(Settings, KeysAndValuesAreReadWithoutRegardToCase) {
    EXPECT_EQ(read_text("[main]\nSMODE = Off\n").settings.mode, Mode::off);
    EXPECT_EQ(read_text("[MAIN]\nsmode = Scrap\n").settings.mode, Mode::scrap);
}

TEST(Settings, AWrongValueKeepsTheDefaultAndNamesTheLine) {
    const SettingsResult result = read_text("[Main]\nsMode = fast\nbRestoreAtExit = yes\n");
    EXPECT_EQ(result.settings.mode, Mode::full);
    EXPECT_TRUE(result.settings.restore_at_exit);
    ASSERT_EQ(result.problem_count, 2U);
    EXPECT_EQ(result.problems[0].line, 2);
    EXPECT_NE(
        std::string(result.problems[0].text).find("sMode = fast is none of: full, boundary, scrap, off; using full"),
        std::string::npos)
        << result.problems[0].text;
    EXPECT_EQ(result.problems[1].line, 3);
}

TEST(Settings, ANumberOutsideItsRangeKeepsTheDefault) {
    for (const char* value : {"-1", "16385", "12x", "", "99999999999"}) {
        const SettingsResult result = read_text(std::string("[Memory]\niQuarantineKB = ") + value + "\n");
        EXPECT_EQ(result.settings.quarantine_kb, Settings{}.quarantine_kb) << value;
        EXPECT_EQ(result.problem_count, 1U) << value;
    }
    EXPECT_EQ(read_text("[Memory]\niQuarantineKB = 0\n").settings.quarantine_kb, 0U);
    EXPECT_EQ(read_text("[Memory]\niQuarantineKB = 16384\n").settings.quarantine_kb, 16384U);
}

TEST(Settings, AnUnknownKeyIsReportedAndIgnored) {
    const SettingsResult result = read_text("[Main]\niBudget = 4096\nsMode = off\n");
    EXPECT_EQ(result.settings.mode, Mode::off);
    ASSERT_EQ(result.problem_count, 1U);
    EXPECT_NE(std::string(result.problems[0].text).find("unknown key [Main] iBudget"), std::string::npos);
}

TEST(Settings, ALineThatIsNothingIsReported) {
    const SettingsResult result = read_text("[Main]\nwhat is this\nsMode = off\n");
    EXPECT_EQ(result.settings.mode, Mode::off);
    ASSERT_EQ(result.problem_count, 1U);
    EXPECT_EQ(result.problems[0].line, 2);
}

TEST(Settings, ManyProblemsAreCountedAndTheFirstAreKept) {
    std::string text = "[Main]\n";
    for (int i = 0; i < 40; ++i) {
        text += "x" + std::to_string(i) + " = 1\n";
    }
    EXPECT_EQ(read_text(text).problem_count, 40U);
}

}  // namespace
}  // namespace mp::plugin
