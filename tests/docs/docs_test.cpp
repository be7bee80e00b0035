// The reference documents agree with the code that they describe.
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "docs/sites_document.h"
#include "game/sites.h"
#include "project_files.h"

namespace {

namespace fs = std::filesystem;

using mp::test::kRoot;
using mp::test::read_file;

/// Section names that stand as headings: "## A.3 ScrapBuffer" gives "A.3", "# Part D. Groups" gives "D".
std::set<std::string> headings(const std::string& markdown) {
    static const std::regex kHeading(R"(^#+ (?:Part )?([0A-F](?:\.[0-9]+)?)(?:[. ].*)?$)");
    std::set<std::string> found;
    std::istringstream lines(markdown);
    for (std::string line; std::getline(lines, line);) {
        if (std::smatch match; std::regex_match(line, match, kHeading)) {
            found.insert(match[1]);
        }
    }
    return found;
}

/// Adds every "A.3" or "B.10" in the text, with the file that says so.
void add_citations(const fs::path& file, std::map<std::string, std::string>& cited) {
    static const std::regex kCitation(R"([^A-Za-z0-9_.]([AB]\.[0-9]{1,2})(?![0-9A-Za-z]))");
    const std::string text = read_file(file);
    for (std::sregex_iterator match(text.begin(), text.end(), kCitation), end; match != end; ++match) {
        cited.emplace((*match)[1], fs::relative(file, kRoot).string());
    }
}

bool is_source(const fs::path& path) {
    static const std::set<std::string> kExtensions{".h", ".c", ".cpp", ".S"};
    return kExtensions.contains(path.extension().string());
}

std::map<std::string, std::string> citations_in_sources() {
    std::map<std::string, std::string> cited;
    for (const char* folder : {"src", "standin"}) {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder)) {
            if (entry.is_regular_file() && is_source(entry.path())) {
                add_citations(entry.path(), cited);
            }
        }
    }
    return cited;
}

TEST(Documents, TheSitesDocumentAgreesWithTheTable) {
    EXPECT_EQ(read_file(kRoot / "docs/sites.md"), mp::tools::sites_document())
        << "renew it: run sites_table and write its output over docs/sites.md";
}

TEST(Documents, EveryContractSectionThatTheTableNamesIsAHeading) {
    const std::set<std::string> sections = headings(read_file(kRoot / "docs/engine-contracts.md"));
    for (const mp::game::Site& site : mp::game::kSites) {
        EXPECT_THAT(sections, testing::Contains(std::string(site.contract))) << site.name;
    }
    for (const mp::game::PointerSite& slot : mp::game::kPointerSites) {
        EXPECT_THAT(sections, testing::Contains(std::string(slot.contract))) << slot.name;
    }
}

TEST(Documents, EveryContractSectionThatTheSourcesCiteIsAHeading) {
    const std::set<std::string> sections = headings(read_file(kRoot / "docs/engine-contracts.md"));
    const std::map<std::string, std::string> cited = citations_in_sources();
    EXPECT_GE(cited.size(), 20U) << "the search for citations finds too few to be believed";
    for (const auto& [section, file] : cited) {
        EXPECT_THAT(sections, testing::Contains(section)) << file;
    }
}

}  // namespace
