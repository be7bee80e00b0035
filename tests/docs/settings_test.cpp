// README and the shipped settings file agree with the settings table.
#include <string>

#include <gtest/gtest.h>

#include "docs/settings_document.h"
#include "plugin/settings.h"
#include "project_files.h"

namespace {

using mp::test::kRoot;
using mp::test::read_file;

TEST(SettingsDocuments, TheShippedFileIsTheTablePrinted) {
    EXPECT_EQ(read_file(kRoot / "package/Data/NVSE/Plugins/MemoryPoolNVSE.default.ini"), mp::tools::settings_file())
        << "renew it: build the target renew_settings";
}

TEST(SettingsDocuments, TheReadmeHasTheTable) {
    const std::string readme = read_file(kRoot / "README.md");
    EXPECT_EQ(readme, mp::tools::with_settings_table(readme)) << "renew it: build the target renew_settings";
    for (const mp::plugin::SettingEntry& entry : mp::plugin::setting_entries()) {
        const std::string row = std::string("\n| ") + entry.section + " | " + entry.key + " | ";
        EXPECT_NE(readme.find(row), std::string::npos) << row << "; are both markers there?";
        EXPECT_EQ(readme.find(row), readme.rfind(row)) << "a second table, outside the markers";
    }
}

}  // namespace
