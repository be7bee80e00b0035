// The reference documents agree with the code that they describe.
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alloc/granules.h"
#include "alloc/policy.h"
#include "docs/sites_document.h"
#include "game/addresses.h"
#include "game/sites.h"
#include "project_files.h"
#include "replace/policy.h"

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

std::vector<fs::path> sources_in(std::initializer_list<const char*> folders) {
    std::vector<fs::path> found;
    for (const char* folder : folders) {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder)) {
            if (entry.is_regular_file() && is_source(entry.path())) {
                found.push_back(entry.path());
            }
        }
    }
    return found;
}

std::map<std::string, std::string> citations_in_sources() {
    std::map<std::string, std::string> cited;
    for (const fs::path& source : sources_in({"src", "standin"})) {
        add_citations(source, cited);
    }
    return cited;
}

/// Addresses of the game that the tables name: rows, slots, data and code, and what has a body in the stand-in.
std::set<std::uint32_t> addresses_of_the_tables() {
    static const std::regex kRow(R"(\bAddr k\w+ = (0x[0-9A-F]{8})|\{(0x[0-9A-F]{8}), (?:(0x[0-9A-F]{8}), )?[0-9"]|)"
                                 R"(MP_BODY\(\w+, ([0-9A-F]{8}))");
    std::set<std::uint32_t> found;
    for (const char* table : {"src/game/sites.h", "src/game/addresses.h", "standin/map/bodies.inc"}) {
        const std::string text = read_file(kRoot / table);
        for (std::sregex_iterator match(text.begin(), text.end(), kRow), end; match != end; ++match) {
            for (std::size_t group = 1; group <= 4; ++group) {
                if ((*match)[group].matched) {
                    found.insert(static_cast<std::uint32_t>(std::stoul((*match)[group], nullptr, 16)));
                }
            }
        }
    }
    found.erase(mp::game::kImageBase);  // any size can be 4 MB
    return found;
}

/// Hexadecimal literals of a source's code: what stands in comments and in texts is left out.
std::vector<std::uint32_t> literals_of(const fs::path& source) {
    static const std::regex kNoCode(R"(//[^\n]*|/\*[^]*?\*/|"(?:[^"\\\n]|\\.)*")");
    static const std::regex kLiteral(R"(\b0x([0-9A-Fa-f]{6,8})U?\b)");
    const std::string code = std::regex_replace(read_file(source), kNoCode, "");
    std::vector<std::uint32_t> found;
    for (std::sregex_iterator match(code.begin(), code.end(), kLiteral), end; match != end; ++match) {
        found.push_back(static_cast<std::uint32_t>(std::stoul((*match)[1], nullptr, 16)));
    }
    return found;
}

TEST(Addresses, StandInTheTablesAndNowhereElseAsALiteral) {
    const std::set<std::uint32_t> known = addresses_of_the_tables();
    for (const mp::game::Site& site : mp::game::kSites) {
        ASSERT_TRUE(known.contains(site.va)) << site.name << ": the search of the tables finds too little";
    }
    // The tables, and the text of the stand-in's image, which says what stands at which address.
    const std::set<fs::path> tables{kRoot / "src/game", kRoot / "standin/map", kRoot / "standin/image"};
    for (const fs::path& source : sources_in({"src", "standin", "tests"})) {
        if (tables.contains(source.parent_path())) {
            continue;
        }
        for (const std::uint32_t literal : literals_of(source)) {
            EXPECT_FALSE(known.contains(literal))
                << fs::relative(source, kRoot).string() << " spells " << std::hex << literal << ", which has a name";
        }
    }
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

// --- docs/giving-back.md ---------------------------------------------------------------------------------------------

std::string megabytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MB";
}

std::string kilobytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 10) + " KB";
}

std::string granules(std::size_t count) {
    return megabytes(std::uint64_t{count} * mp::alloc::kGranuleSize);
}

/// What the document must say of each number of the two policies; those that follow from another one or bound a setting
/// have no row.
const std::map<std::string, std::string>& policy_numbers() {
    namespace alloc = mp::alloc::policy;
    namespace replace = mp::replace::policy;
    static const std::map<std::string, std::string> kNumbers{
        {"kReservation", granules(alloc::kReservation)},
        {"kAttempts", std::to_string(alloc::kAttempts)},
        {"kStep", granules(alloc::kStep)},
        {"kReserve", granules(alloc::kReserve)},
        {"kKeptOfALength", kilobytes(alloc::kKeptOfALength)},
        {"kLeastRuns", std::to_string(alloc::kLeastRuns)},
        {"kMostRuns", std::to_string(alloc::kMostRuns)},
        {"kLongestKeptPages", kilobytes(std::uint64_t{alloc::kLongestKeptPages} * mp::os::kPage)},
        {"kLongestKept", granules(alloc::kLongestKept)},
        {"kLeastKept", granules(alloc::kLeastKept)},
        {"kMostKept", granules(alloc::kMostKept)},
        {"kScarceSpace", megabytes(alloc::kScarceSpace)},
        {"kHoles", std::to_string(alloc::kHoles)},
        {"kPoolShare", std::to_string(replace::kPoolShare)},
        {"kBytesASlot", std::to_string(replace::kBytesASlot)},
        {"kPoolGrowth", std::to_string(replace::kPoolGrowth)},
        {"kIdleScrap", megabytes(replace::kIdleScrap)},
        {"kScarceOperations", "4,096"},
        {"kFirstRound", std::to_string(replace::kFirstRound)},
        {"kLongestRound", "8,000"},
        {"kFullAttempt", std::to_string(replace::kFullAttempt)},
    };
    static_assert(replace::kScarceOperations == 4096 && replace::kLongestRound == 8000);
    return kNumbers;
}

TEST(GivingBack, HasARowWithTheValueOfEveryNumberOfThePolicies) {
    const std::string document = read_file(kRoot / "docs" / "giving-back.md");
    const std::string numbers = document.substr(document.find("## Every number"));
    for (const auto& [name, value] : policy_numbers()) {
        const std::regex row("\\| [^|]*`" + name + "`[^|]*\\| ([^|]*) \\|");
        std::smatch match;
        ASSERT_TRUE(std::regex_search(numbers, match, row)) << name;
        EXPECT_THAT(match[1].str(), testing::HasSubstr(value)) << name;
    }
}

TEST(GivingBack, KnowsNoNumberLessThanThePoliciesHave) {
    const std::set<std::string> kFollow{"kReservationForGood", "kKeptWhenScarce", "kLongestDelayMs",
                                        "kLargestQuarantine"};
    static const std::regex kNumber(R"(constexpr [a-z:_0-9]+ (k[A-Za-z]+) = )");
    std::size_t found = 0;
    for (const char* file : {"alloc/policy.h", "replace/policy.h"}) {
        const std::string text = read_file(kRoot / "src" / file);
        for (std::sregex_iterator match(text.begin(), text.end(), kNumber), end; match != end; ++match, ++found) {
            const std::string name = (*match)[1];
            EXPECT_TRUE(policy_numbers().contains(name) || kFollow.contains(name)) << file << ": " << name;
        }
    }
    EXPECT_EQ(found, policy_numbers().size() + kFollow.size() + 1) << "kStep stands in both";
}

}  // namespace
