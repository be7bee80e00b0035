// Links, paths and names in the documents lead somewhere.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "project_files.h"

namespace {

namespace fs = std::filesystem;

using mp::test::kRoot;
using mp::test::read_file;

/// README, the changelog, everything in docs/, and what lies beside the code that it describes.
std::vector<fs::path> documents() {
    std::vector<fs::path> found{kRoot / "README.md", kRoot / "CHANGELOG.md", kRoot / "package/mod-page.md",
                                kRoot / "src/alloc/README.md", kRoot / "standin/README.md"};
    for (const fs::directory_entry& entry : fs::directory_iterator(kRoot / "docs")) {
        if (entry.path().extension() == ".md") {
            found.push_back(entry.path());
        }
    }
    return found;
}

/// What the expression's first group matches, in order.
std::vector<std::string> matches(const std::string& text, const std::regex& expression) {
    std::vector<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match) {
        found.push_back((*match)[1]);
    }
    return found;
}

/// Every text between backticks, fenced blocks included line by line.
std::vector<std::string> quoted(const std::string& markdown) {
    static const std::regex kQuoted("`([^`\n]+)`");
    return matches(markdown, kQuoted);
}

/// A heading's anchor, as GitHub makes it.
std::string anchor_of(const std::string& heading) {
    std::string anchor;
    for (const char c : heading) {
        if (c == ' ') {
            anchor += '-';
        } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') {
            anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
    }
    return anchor;
}

std::set<std::string> anchors(const fs::path& file) {
    std::set<std::string> found;
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
        if (const std::size_t text = line.find_first_not_of('#'); text != 0 && text != std::string::npos) {
            found.insert(anchor_of(line.substr(line.find_first_not_of(' ', text))));
        }
    }
    return found;
}

std::vector<std::string> links(const std::string& markdown) {
    static const std::regex kLink(R"(\]\(([^)\s]+)\))");
    std::vector<std::string> found = matches(markdown, kLink);
    std::erase_if(found, [](const std::string& link) { return link.find("://") != std::string::npos; });
    return found;
}

/// The file that a link means, its anchor cut off.
fs::path target(const fs::path& document, const std::string& link) {
    const std::string path = link.substr(0, link.find('#'));
    return path.empty() ? document : document.parent_path() / path;
}

/// All files of a kind below the folders, one after the other.
std::string sources(const std::vector<std::string>& folders, const std::set<std::string>& names_or_extensions) {
    std::string all;
    for (const std::string& folder : folders) {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder)) {
            if (names_or_extensions.contains(entry.path().extension().string()) ||
                names_or_extensions.contains(entry.path().filename().string())) {
                all += read_file(entry.path());
            }
        }
    }
    return all;
}

TEST(Links, EachLeadsToAFileAndToAHeading) {
    std::size_t seen = 0;
    for (const fs::path& document : documents()) {
        for (const std::string& link : links(read_file(document))) {
            const fs::path file = target(document, link);
            EXPECT_TRUE(fs::exists(file)) << document << ": " << link;
            if (const std::size_t mark = link.find('#'); mark != std::string::npos) {
                EXPECT_THAT(anchors(file), testing::Contains(link.substr(mark + 1))) << document << ": " << link;
            }
            ++seen;
        }
    }
    EXPECT_GE(seen, 50U) << "the search for links finds too few to be believed";
}

TEST(Links, TheIndexNamesEveryDocument) {
    const std::vector<std::string> named = links(read_file(kRoot / "docs/README.md"));
    for (const fs::directory_entry& entry : fs::directory_iterator(kRoot / "docs")) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && name != "README.md") {
            EXPECT_THAT(named, testing::Contains(name)) << "docs/README.md has no line for it";
        }
    }
}

TEST(Links, EveryFileOfTheRepositoryThatADocumentNamesExists) {
    static const std::regex kPath(
        R"((?:\./)?((?:\.ci|bench|cmake|docs|package|scripts|src|standin|tests|tools)/[A-Za-z0-9_./-]*))");
    std::size_t seen = 0;
    for (const fs::path& document : documents()) {
        for (const std::string& text : quoted(read_file(document))) {
            std::smatch path;
            if (std::regex_match(text, path, kPath)) {
                // A program is named as it is called: without the ending of its source.
                const std::string name = path[1];
                EXPECT_TRUE(fs::exists(kRoot / name) || fs::exists(kRoot / (name + ".cpp")))
                    << document << ": " << text;
                ++seen;
            }
        }
    }
    EXPECT_GE(seen, 50U) << "the search for paths finds too few to be believed";
}

TEST(Links, EveryPresetThatADocumentNamesExists) {
    static const std::regex kPreset(R"(--preset[ =]([A-Za-z0-9-]+))");
    const std::vector<std::string> known =
        matches(read_file(kRoot / "CMakePresets.json"), std::regex(R"re("name": "([^"]+)")re"));
    for (const fs::path& document : documents()) {
        for (const std::string& preset : matches(read_file(document), kPreset)) {
            EXPECT_THAT(known, testing::Contains(preset)) << document;
        }
    }
}

/// Whether the name is one that CMake defines; "alloc_${part}_test" stands for every name of that form.
bool is_defined(const std::string& name, const std::vector<std::string>& defined) {
    static const std::regex kVariable(R"(\$\{\w+\})");
    return std::ranges::any_of(defined, [&name](const std::string& form) {
        return std::regex_match(name, std::regex(std::regex_replace(form, kVariable, R"(\w+)")));
    });
}

TEST(Links, EveryTargetThatADocumentNamesExists) {
    static const std::regex kTargets(R"(--target((?: [A-Za-z]\w*)+))");
    static const std::regex kDefined(R"((?:add|mp)_[a-z_]+\(\s*([A-Za-z][\w${}]*))");
    const std::vector<std::string> defined =
        matches(read_file(kRoot / "CMakeLists.txt") +
                    sources({"src", "standin", "tests", "tools", "bench"}, {"CMakeLists.txt", ".cmake"}),
                kDefined);
    for (const fs::path& document : documents()) {
        for (const std::string& targets : matches(read_file(document), kTargets)) {
            std::istringstream words(targets);
            for (std::string word; words >> word;) {
                EXPECT_TRUE(is_defined(word, defined)) << document << ": " << word;
            }
        }
    }
}

TEST(Links, EveryTestThatADocumentNamesExists) {
    static const std::regex kCpp(R"(TEST(?:_[FP])?\(\s*(\w+,\s*\w+)\s*\))");
    static const std::regex kPython(R"(def (test_\w+)\()");
    static const std::regex kName(R"(([A-Z]\w+)\.([A-Z]\w+|test_\w+))");
    std::set<std::string> known;
    for (std::string test : matches(sources({"tests"}, {".cpp"}), kCpp)) {
        std::erase_if(test, [](unsigned char c) { return std::isspace(c) != 0; });
        known.insert(test.replace(test.find(','), 1, "."));
    }
    for (const std::string& test : matches(sources({"tests"}, {".py"}), kPython)) {
        known.insert(test);
    }
    std::size_t seen = 0;
    for (const fs::path& document : documents()) {
        for (const std::string& text : quoted(read_file(document))) {
            std::smatch name;
            if (std::regex_match(text, name, kName)) {
                const bool python = name[2].str().starts_with("test_");
                EXPECT_THAT(known, testing::Contains(python ? name[2].str() : text)) << document;
                ++seen;
            }
        }
    }
    EXPECT_GE(seen, 30U) << "the search for tests finds too few to be believed";
}

}  // namespace
