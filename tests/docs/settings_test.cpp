// README and the shipped settings file agree with the settings table.
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "docs/settings_document.h"
#include "plugin/settings.h"

namespace {

std::string read_file(const char* path) {
    std::ifstream file(std::string(MP_SOURCE_DIR) + path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SettingsDocuments, TheShippedFileIsTheTablePrinted) {
    EXPECT_EQ(read_file("/package/Data/NVSE/Plugins/MemoryPoolNVSE.ini"), mp::tools::settings_file())
        << "renew it: build the target renew_settings";
}

TEST(SettingsDocuments, TheReadmeHasTheTable) {
    const std::string readme = read_file("/README.md");
    EXPECT_EQ(readme, mp::tools::with_settings_table(readme)) << "renew it: build the target renew_settings";
    for (const mp::plugin::SettingEntry& entry : mp::plugin::setting_entries()) {
        const std::string row = std::string("\n| ") + entry.section + " | " + entry.key + " | ";
        EXPECT_NE(readme.find(row), std::string::npos) << row << "; are both markers there?";
        EXPECT_EQ(readme.find(row), readme.rfind(row)) << "a second table, outside the markers";
    }
}

}  // namespace
