// The settings file: defaults, wrong values, unknown keys.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "plugin/settings.h"

namespace mp::plugin {
namespace {

std::string default_text() {
    static char text[16384];
    return {text, default_ini(text, sizeof text)};
}

/// A file of the running test's own: others run beside it in the same folder.
std::string own_path() {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    return std::string(test.test_suite_name()) + "." + test.name() + ".ini";
}

SettingsResult read_text(const std::string& text) {
    const std::string path = own_path();
    std::ofstream(path, std::ios::binary) << text;
    const SettingsResult result = read_settings(path.c_str());
    std::remove(path.c_str());
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
    EXPECT_EQ(result.file.state, FileState::missing);
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

TEST(Settings, OfTheCulpritFinderListsAreReadWholeOrNotAtAll) {
    const auto sizes = [](const char* value) {
        const SettingsResult result = read_text(std::string("[Diagnose]\nsSizes = ") + value + "\n");
        EXPECT_EQ(result.problem_count, result.settings.guard_sizes == Settings{}.guard_sizes ? 1U : 0U) << value;
        return result.settings.guard_sizes;
    };
    using Sizes = decltype(Settings::guard_sizes);
    EXPECT_EQ(sizes("24"), (Sizes{24}));
    EXPECT_EQ(sizes("24, 600 ,65536"), (Sizes{24, 600, 65536}));
    EXPECT_EQ(sizes("1,2,3,4,5,6,7,8"), (Sizes{1, 2, 3, 4, 5, 6, 7, 8}));
    for (const char* wrong : {"0", "65537", "24,", ",24", "24 600", "-1", "x", "1,2,3,4,5,6,7,8,9", "99999999999"}) {
        EXPECT_EQ(sizes(wrong), Sizes{}) << wrong;
    }
    EXPECT_EQ(read_text("[Diagnose]\nsSizes = none\n").problem_count, 0U);
    EXPECT_STREQ(read_text("[Diagnose]\nsTolerated = a.dll, b.dll\n").settings.tolerated.text, "a.dll, b.dll");
    const SettingsResult longer = read_text("[Diagnose]\nsTolerated = " + std::string(100, 'a') + "\n");
    EXPECT_EQ(longer.problem_count, 1U);
    EXPECT_STREQ(longer.settings.tolerated.text, "none");
    const SettingsResult small = read_text("[Diagnose]\niOneIn = 0\niGuardedMB = 3\n");
    EXPECT_EQ(small.problem_count, 2U);
    EXPECT_EQ(small.settings.guard_one_in, Settings{}.guard_one_in);
    EXPECT_EQ(small.settings.guarded_mb, Settings{}.guarded_mb);
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

std::string utf16(const std::string& text, bool little) {
    std::string bytes = little ? "\xFF\xFE" : "\xFE\xFF";
    for (const char c : text) {
        bytes += little ? std::string{c, '\0'} : std::string{'\0', c};
    }
    return bytes;
}

TEST(SettingsFile, IsReadInEveryEncodingThatAnEditorWrites) {
    const std::string text = "; settings\r\n[Main]\r\nsMode = off\r\n";
    for (const std::string& bytes : {text, "\xEF\xBB\xBF" + text, utf16(text, true), utf16(text, false)}) {
        const SettingsResult result = read_text(bytes);
        EXPECT_EQ(result.settings.mode, Mode::off) << bytes.substr(0, 3);
        EXPECT_EQ(result.problem_count, 0U);
        EXPECT_EQ(result.file.state, FileState::read);
    }
}

TEST(SettingsFile, InUtf16HasItsLettersAsUtf8) {
    struct Value final : IniReader {
        std::string text;
        void entry(const char* /*section*/, const char* /*key*/, const char* value, int /*line*/) override {
            text = value;
        }
        void problem(int line, const char* why) override { ADD_FAILURE() << line << ": " << why; }
    };
    for (const bool little : {true, false}) {
        std::string bytes = little ? "\xFF\xFE" : "\xFE\xFF";
        for (const char16_t unit : std::u16string_view(u"[Logging]\nsPluginLogPath = é Ж 游 \U0001F3B2 \xD800.\n")) {
            const auto low = static_cast<char>(unit & 0xFF);
            const auto high = static_cast<char>(unit >> 8);
            bytes += little ? std::string{low, high} : std::string{high, low};
        }
        const char* path = "settings_letters_test.ini";
        std::ofstream(path, std::ios::binary) << bytes;
        Value value;
        EXPECT_EQ(read_ini(path, value).state, FileState::read);
        std::remove(path);
        EXPECT_EQ(value.text, "é Ж 游 \U0001F3B2 ?.");
    }
}

TEST(SettingsFile, IsReadWithEveryKindOfLineEnd) {
    for (const char* end : {"\n", "\r\n", "\r"}) {
        const SettingsResult result = read_text(std::string("[Main]") + end + "sMode = off" + end + "what" + end);
        EXPECT_EQ(result.settings.mode, Mode::off);
        ASSERT_EQ(result.problem_count, 1U);
        EXPECT_EQ(result.problems[0].line, 3);
    }
}

TEST(SettingsFile, QuotesAndRemarksAreNoPartOfAValue) {
    for (const char* value : {"off", "\"off\"", "'off'", "off ; why", "off; why", "off // why", "off // x // y",
                              " off\t", "\"off\" ; why"}) {
        const SettingsResult result = read_text(std::string("[ Main ]\nsMode = ") + value + "\n");
        EXPECT_EQ(result.settings.mode, Mode::off) << value;
        EXPECT_EQ(result.problem_count, 0U) << value;
    }
}

TEST(SettingsFile, OfAKeyThatStandsThereTwiceTheFirstLineCountsAndTheOtherIsNamed) {
    const SettingsResult result = read_text("[Main]\nsMode = off\n[Main]\nsMode = full\n");
    EXPECT_EQ(result.settings.mode, Mode::off);
    ASSERT_EQ(result.problem_count, 1U);
    EXPECT_EQ(result.problems[0].line, 4);
}

TEST(SettingsFile, ALineWithAZeroByteOrTooLongIsNamedAndTheOthersAreRead) {
    const std::string zero{"sMode = \0boundary", 17};
    const std::string long_key = std::string(5000, 'a') + " = 1";
    std::string long_with_zero(1023, 'a');
    long_with_zero[600] = '\0';
    for (const std::string& line : {zero, long_key, long_with_zero, std::string(3, '\0')}) {
        const SettingsResult result =
            read_text("[Main]\n" + line + "\nsMode = off\n; " + std::string(3000, 'c') + "\n");
        EXPECT_EQ(result.settings.mode, Mode::off) << line.size();
        ASSERT_EQ(result.problem_count, 1U) << line.size();
        EXPECT_EQ(result.problems[0].line, 2);
    }
}

TEST(SettingsFile, EveryFaultyLineIsNamed) {
    const SettingsResult result = read_text("[Main\nwhat\nsMode\n= off\n[Main]\nis this\nsMode = off");
    EXPECT_EQ(result.settings.mode, Mode::off) << "the last line has no end";
    ASSERT_EQ(result.problem_count, 5U);
    const int lines[] = {1, 2, 3, 4, 6};
    for (std::size_t i = 0; i < std::size(lines); ++i) {
        EXPECT_EQ(result.problems[i].line, lines[i]) << result.problems[i].text;
    }
}

TEST(SettingsFile, AnEmptyOneIsReadAndADirectoryOrAHugeFileCannotBe) {
    EXPECT_EQ(read_text("").file.state, FileState::read);
    const SettingsResult folder = read_settings(".");
    EXPECT_EQ(folder.file.state, FileState::unreadable);
    EXPECT_NE(file_text(folder).text, std::string());
    const SettingsResult huge = read_text("[Main]\nsMode = off\n" + std::string(kLongestIniFile, ';'));
    EXPECT_EQ(huge.file.state, FileState::unreadable);
    EXPECT_EQ(huge.settings.mode, Mode::full) << "of a file that is not read whole nothing counts";
    EXPECT_NE(std::string(huge.file.reason).find("64 KB"), std::string::npos);
}

TEST(SettingsFile, OfAnyBytesNothingIsReadThatIsNotThere) {
    std::uint32_t random = 1;
    for (std::size_t round = 0; round < 300; ++round) {
        std::string bytes(round * 7 % 3000, '\0');
        for (char& byte : bytes) {
            random = random * 1'664'525 + 1'013'904'223;
            constexpr char kLikely[] = "[]=;#/\"' \t\r\n\0\xFF\xFE\xEFMainsModeoff";
            byte = random >> 31 != 0 ? kLikely[(random >> 8) % (sizeof kLikely - 1)] : static_cast<char>(random >> 16);
        }
        EXPECT_EQ(read_text(bytes).file.state, FileState::read);
    }
}

}  // namespace
}  // namespace mp::plugin
