// The walk over functions, tried on what two compilers make at all their levels, the runtime's libraries included: what
// it says is compared with what the functions were declared as (pops.py). Usage: walk_samples EXECUTABLE...
// [GoogleTest's].
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "mpnvse/disk_image.h"
#include "mpnvse/executable_file.h"
#include "patch/walk.h"

namespace mp::patch::test {
namespace {

using game::Addr;

constexpr int kHexadecimal = 16;
/// Fewer returns that pop something would prove little.
constexpr std::size_t kEnough = 20;
/// Walks that may give up, among those of known functions.
constexpr std::size_t kOneIn = 100;

/// A line of a sample's list.
struct Symbol {
    Addr address = 0;
    Addr size = 0;
    std::optional<unsigned> popped;
    /// False: where it ends and what stands in it is not told. The libraries' local functions have no symbols.
    bool function = false;
    std::string name;

    [[nodiscard]] Addr end() const { return address + size; }
};

std::vector<std::string>& paths() {
    static std::vector<std::string> all;
    return all;
}

/// Functions that never come back, of the sample that is walked just now.
std::set<Addr>& ending() {
    static std::set<Addr> all;
    return all;
}

std::vector<Symbol> read_list(const std::string& path) {
    std::ifstream file(path);
    std::vector<Symbol> symbols;
    std::string address;
    std::string popped;
    std::string kind;
    Symbol symbol;
    while (file >> address >> symbol.size >> popped >> kind >> symbol.name) {
        symbol.address = static_cast<Addr>(std::stoul(address, nullptr, kHexadecimal));
        symbol.popped = popped == "-" ? std::nullopt : std::optional(static_cast<unsigned>(std::stoul(popped)));
        symbol.function = kind != "label";
        symbols.push_back(symbol);
        if (kind == "noreturn") {
            ending().insert(symbol.address);
        }
    }
    return symbols;
}

tools::DiskImage read_image(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    return {tools::parse_executable(bytes).value(), bytes};
}

/// Walks, and why those that gave up did.
struct Walks {
    std::size_t count = 0;
    std::size_t given_up = 0;
    std::map<std::string, std::size_t> reasons;
};

/// What the walks over a sample showed.
struct Findings {
    Walks known;                            ///< of functions whose popped bytes are known
    Walks all;                              ///< of all functions
    std::size_t returns = 0;                ///< of known functions
    std::size_t popping = 0;                ///< those that pop something
    std::size_t tail_calls = 0;             ///< walks that went on in another function
    std::size_t thunks = 0;                 ///< walks that leave the program through its own table
    std::vector<std::string> known_givers;  ///< known functions whose walk gave up
    std::vector<std::string> wrong;         ///< returns that pop what the declaration does not say
    std::vector<std::string> strays;        ///< steps where no path leads
    std::vector<std::string> reasonless;    ///< walks that gave up and do not say where
};

class Sample {
public:
    explicit Sample(const std::string& path) : image_(read_image(path)) {
        ending().clear();
        symbols_ = read_list(path.substr(0, path.rfind('.')) + ".txt");
        find_ending();
        for (const Symbol& symbol : symbols_) {
            if (symbol.function) {
                walk(symbol);
                judge(symbol);
            }
        }
    }

    [[nodiscard]] const Findings& findings() const { return findings_; }

private:
    void walk(const Symbol& symbol) {
        walk_->run(image_, symbol.address, {.end = symbol.end(), .never_returns = [](Addr function) noexcept {
                                                return ending().contains(function);
                                            }});
    }

    /// Functions that never come back because of those that they call, until no more are found.
    void find_ending() {
        std::set<Addr> before;
        do {
            before = ending();
            for (const Symbol& symbol : symbols_) {
                if (symbol.function && !ending().contains(symbol.address)) {
                    walk(symbol);
                    const bool leaves = std::ranges::any_of(walk_->steps(), [](const Step& step) {
                        return (step.flow == Flow::ret && !step.local) || (step.flow != Flow::call && step.foreign);
                    });
                    if (walk_->complete() && !leaves) {
                        ending().insert(symbol.address);
                    }
                }
            }
        } while (before != ending());
    }

    [[nodiscard]] const Symbol* symbol_of(Addr va) const {
        const auto next = std::ranges::upper_bound(symbols_, va, {}, &Symbol::address);
        return next != symbols_.begin() && va < std::prev(next)->end() ? &*std::prev(next) : nullptr;
    }

    /// The symbols in which the walk may be: the function, its pieces, and what was entered by a jump: a function at
    /// its start only.
    [[nodiscard]] std::set<const Symbol*> entered(const Symbol& symbol) const {
        std::set<const Symbol*> result{&symbol};
        for (const Step& step : walk_->steps()) {
            if (step.flow != Flow::jump && step.flow != Flow::branch) {
                continue;
            }
            const bool through = step.reach == Reach::pointer;
            const Addr led_to = through ? dword_at(image_, step.target).value_or(0) : step.target;
            const Symbol* target = symbol_of(led_to);
            if (target != nullptr && (!target->function || target->address == led_to)) {
                result.insert(target);
            }
        }
        return result;
    }

    /// A piece of one of `functions`, or the function that one of them is a piece of.
    [[nodiscard]] static bool belongs(const Symbol& place, const std::set<const Symbol*>& functions) {
        const auto is_piece_of = [](const Symbol& piece, const Symbol& function) {
            return piece.name.starts_with(function.name + ".cold") || piece.name.starts_with(function.name + ".part.");
        };
        return std::ranges::any_of(functions, [&](const Symbol* function) {
            return is_piece_of(place, *function) || is_piece_of(*function, place);
        });
    }

    [[nodiscard]] std::string line(const Symbol& symbol, Addr va, std::string_view what) const {
        std::ostringstream text;
        text << std::hex << symbol.address << ' ' << symbol.name << " at " << va << ": " << what;
        return text.str();
    }

    /// Why the walk gave up, and at what kind of jump.
    [[nodiscard]] std::string reason() const {
        switch (walk_->problem()) {
        case WalkProblem::none:
            return "complete";
        case WalkProblem::unreadable:
            return "unreadable";
        case WalkProblem::runs_past_end:
            return "past the end";
        case WalkProblem::too_long:
            return "too long";
        case WalkProblem::unknown_target:
            break;
        }
        const std::optional<Instruction> jump = decode(image_, walk_->problem_address());
        return !jump                                  ? "no instruction"
               : jump->has_table                      ? "a table without a bound"
               : jump->target_register != kNoRegister ? "a jump through a register"
                                                      : "a jump through memory";
    }

    void count(Walks& walks) const {
        ++walks.count;
        if (!walk_->complete()) {
            ++walks.given_up;
            ++walks.reasons[reason()];
        }
    }

    void judge(const Symbol& symbol) {
        count(findings_.all);
        if (symbol.popped) {
            count(findings_.known);
        }
        findings_.thunks += walk_->foreign_step() != nullptr ? 1 : 0;
        if (!walk_->complete() && symbol.popped) {
            findings_.known_givers.push_back(line(symbol, walk_->problem_address(), reason()));
        }
        if (!walk_->complete() && image_.at(walk_->problem_address(), 1) == nullptr) {
            findings_.reasonless.push_back(line(symbol, walk_->problem_address(), reason()));
        }
        judge_returns(symbol);
        judge_places(symbol);
    }

    void judge_returns(const Symbol& symbol) {
        for (const Step& step : walk_->steps()) {
            if (!symbol.popped || step.flow != Flow::ret || step.local) {
                continue;
            }
            ++findings_.returns;
            findings_.popping += step.popped != 0 ? 1 : 0;
            if (step.popped != *symbol.popped) {
                findings_.wrong.push_back(
                    line(symbol, step.va,
                         "pops " + std::to_string(step.popped) + ", declared " + std::to_string(*symbol.popped)));
            }
        }
    }

    void judge_places(const Symbol& symbol) {
        const std::set<const Symbol*> functions = entered(symbol);
        findings_.tail_calls += functions.size() > 1 ? 1 : 0;
        for (const Step& step : walk_->steps()) {
            const Symbol* place = symbol_of(step.va);
            if (place == nullptr || (!functions.contains(place) && !belongs(*place, functions))) {
                findings_.strays.push_back(line(symbol, step.va, place != nullptr ? place->name : "nothing"));
                return;
            }
        }
    }

    tools::DiskImage image_;
    std::vector<Symbol> symbols_;
    std::unique_ptr<Walk> walk_ = std::make_unique<Walk>();
    Findings findings_;
};

std::string described(const Walks& walks) {
    std::string text = std::to_string(walks.count) + " walks, " + std::to_string(walks.given_up) + " given up";
    for (const auto& [reason, count] : walks.reasons) {
        text += "; " + reason + ": " + std::to_string(count);
    }
    return text;
}

void print(const std::string& path, const Findings& findings) {
    std::printf("%s\n  known: %s\n  all:   %s\n  %zu returns (%zu pop), %zu go on in others, %zu leave the program\n",
                path.c_str(), described(findings.known).c_str(), described(findings.all).c_str(), findings.returns,
                findings.popping, findings.tail_calls, findings.thunks);
    for (const std::string& giver : findings.known_givers) {
        std::printf("  given up: %s\n", giver.c_str());
    }
}

/// By the samples' paths; made at the first call.
const std::map<std::string, Findings>& all_findings() {
    static const std::map<std::string, Findings> all = [] {
        std::map<std::string, Findings> made;
        for (const std::string& path : paths()) {
            print(path, made.emplace(path, Sample(path).findings()).first->second);
        }
        return made;
    }();
    return all;
}

/// The first few, for people.
std::string some(const std::vector<std::string>& lines) {
    constexpr std::size_t kShown = 20;
    std::string text = std::to_string(lines.size()) + " lines\n";
    for (std::size_t i = 0; i < std::min(lines.size(), kShown); ++i) {
        text += lines[i] + "\n";
    }
    return text;
}

TEST(WalkOfCompiledFunctions, ReturnsPopWhatTheDeclarationSays) {
    for (const auto& [path, findings] : all_findings()) {
        EXPECT_TRUE(findings.wrong.empty()) << path << ": " << some(findings.wrong);
        EXPECT_GT(findings.returns, findings.known.count / 2) << path;
        EXPECT_GT(findings.popping, kEnough) << path;
    }
}

TEST(WalkOfCompiledFunctions, NoPathLeavesItsFunction) {
    for (const auto& [path, findings] : all_findings()) {
        EXPECT_TRUE(findings.strays.empty()) << path << ": " << some(findings.strays);
        EXPECT_GT(findings.tail_calls, 0U) << path;
    }
}

TEST(WalkOfCompiledFunctions, OneInAHundredGivesUpAtMost) {
    std::size_t walks = 0;
    std::size_t given_up = 0;
    for (const auto& [path, findings] : all_findings()) {
        walks += findings.known.count;
        given_up += findings.known.given_up;
    }
    EXPECT_GT(walks, 0U);
    EXPECT_LE(given_up * kOneIn, walks);
}

TEST(WalkOfCompiledFunctions, WhatGivesUpSaysWhere) {
    for (const auto& [path, findings] : all_findings()) {
        EXPECT_TRUE(findings.reasonless.empty()) << path << ": " << some(findings.reasonless);
    }
}

}  // namespace
}  // namespace mp::patch::test

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    mp::patch::test::paths().assign(argv + 1, argv + argc);
    return RUN_ALL_TESTS();
}
