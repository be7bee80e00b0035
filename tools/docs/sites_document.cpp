#include "docs/sites_document.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "game/sites.h"
#include "patch/text.h"

namespace mp::tools {

namespace {

using game::BytePattern;
using game::Site;

template <typename... Args>
void add(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

std::string bytes_text(const BytePattern& pattern) {
    std::array<char, 4 * BytePattern::kCapacity> text{};
    patch::Text(text.data(), text.size()).add_bytes(pattern.bytes.data(), pattern.mask.data(), pattern.size);
    return text.data();
}

std::string_view convention_text(game::Convention convention) {
    return convention == game::Convention::thiscall_ ? "thiscall" : "cdecl";
}

std::string_view confidence_text(game::Confidence confidence) {
    return confidence == game::Confidence::certain ? "certain" : "likely";
}

/// Number of the pattern; the two companions of pattern 10 are told apart from the 17 functions.
std::string pattern_text(const Site& site) {
    if (site.mission_pattern == 0) {
        return "–";
    }
    return fmt::format("{}{}", site.mission_pattern, game::in_mission(site) ? "" : "+");
}

std::string popped_text(const Site& site) {
    return site.bytes_popped == game::kPopsToldByWalk ? "told by its returns" : fmt::format("{}", site.bytes_popped);
}

std::string return_text(const game::MainReturn& main_return) {
    return main_return.va != 0 ? fmt::format("{:08X}", main_return.va) : "–";
}

std::string return_confidence_text(const game::MainReturn& main_return) {
    return main_return.va != 0 ? std::string(confidence_text(main_return.confidence)) : "–";
}

/// An address, and its name where the table has one.
std::string named(game::Addr va) {
    const Site* site = game::find_site(va);
    const std::string_view name = site != nullptr ? site->name : game::import_name(va);
    return fmt::format("{:08X}{}{}", va, name.empty() ? "" : " ", name);
}

std::string statement_text(const game::Statement& statement) {
    using Kind = game::Statement::Kind;
    switch (statement.kind) {
    case Kind::calls_import:
        return fmt::format("{:08X} calls import {}", statement.at, named(statement.to));
    case Kind::calls:
        return fmt::format("{:08X} calls {}", statement.at, named(statement.to));
    case Kind::in_slot:
        return fmt::format("in slot {:08X}", statement.at);
    case Kind::enters_start:
        return fmt::format("jumps to {:08X}", statement.to);
    }
    return {};
}

std::string statements_text(const Site& site) {
    std::string text;
    for (const game::Statement& statement : site.statements) {
        text += (text.empty() ? "" : "; ") + statement_text(statement);
    }
    return text.empty() ? "–" : text;
}

std::string size_text(const Site& site) {
    return site.size != 0 ? fmt::format("{}", site.size) : "–";
}

void add_introduction(std::string& out) {
    add(out,
        "# Code sites\n\n"
        "Generated from `src/game/sites.h` by the program `sites_table` (`tools/docs`); do not edit by hand. To renew "
        "it:\n"
        "build the target `sites_table` of a Linux preset and write its output over this file.\n\n"
        "All addresses are those of FalloutNV.exe 1.4.0.525, image base 0x00400000, in hexadecimal. What each "
        "function\n"
        "does is told in [engine-contracts.md](engine-contracts.md), section *contract*.\n\n"
        "* *pattern*: number of the allocation pattern, 1 to 10; `10+` are the two companions of pattern 10; `–` is a\n"
        "  function outside the patterns.\n"
        "* *group*: functions of one group are replaced together or not at all; `none` is never patched.\n"
        "* *popped*: bytes that the callee takes off the stack on return.\n"
        "* *first bytes*: compared with the running image before anything is written; `??` accepts any byte. *bytes "
        "are*:\n"
        "  `certain` when they were read, `likely` when they were reconstructed.\n"
        "* *main return*: address of the return instruction; `–` is not established. *return is*: as above.\n"
        "* *statements*: what is certain of the function whatever its bytes are: calls and what they reach, the vtable "
        "slot\n"
        "  that holds its address, a jump into its own first bytes. One that does not hold declines the whole group.\n"
        "* *size*: bytes of code; `–` is not established.\n\n");
}

void add_functions(std::string& out) {
    add(out, "## Functions\n\n{} functions; {} of them are the functions of the ten patterns.\n\n", game::kSiteCount,
        game::kMissionCount);
    add(out, "| address | name | what | pattern | group | convention | popped | size | first bytes | bytes are |"
             " main return | return is | statements | contract |\n"
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (const Site& site : game::kSites) {
        add(out, "| {:08X} | {} | {} | {} | {} | {} | {} | {} | `{}` | {} | {} | {} | {} | {} |\n", site.va, site.name,
            site.what, pattern_text(site), game::group_name(site.group), convention_text(site.convention),
            popped_text(site), size_text(site), bytes_text(site.prologue), confidence_text(site.prologue_confidence),
            return_text(site.main_return), return_confidence_text(site.main_return), statements_text(site),
            site.contract);
    }
}

void add_helpers(std::string& out) {
    add(out, "\n## Functions that are called\n\nNever replaced. What they pop is proven in the running image before the"
             " first call, whatever their bytes are.\n\n"
             "| address | name | what | popped | size | contract |\n|---|---|---|---|---|---|\n");
    for (const game::Helper& helper : game::kHelpers) {
        add(out, "| {:08X} | {} | {} | {} | {} | {} |\n", helper.va, helper.name, helper.what, helper.bytes_popped,
            helper.size, helper.contract);
    }
}

void add_pointers(std::string& out) {
    add(out, "\n## Vtable slots\n\nSlots of the MemoryHeap vtable whose functions have no known first bytes: the slot"
             " itself is replaced.\n\n"
             "| address | points to | name | group | popped | contract |\n|---|---|---|---|---|---|\n");
    for (const game::PointerSite& slot : game::kPointerSites) {
        add(out, "| {:08X} | {:08X} | {} | {} | {} | {} |\n", slot.va, slot.expected, slot.name,
            game::group_name(slot.group), slot.bytes_popped, slot.contract);
    }
}

void add_known_edits(std::string& out) {
    add(out,
        "\n## Known edits by others\n\nBytes that other components change legitimately: a check of the image accepts"
        " them.\n\n"
        "| address | bytes | who | what | unmodified |\n|---|---|---|---|---|\n");
    for (const game::KnownEdit& edit : game::kKnownEdits) {
        add(out, "| {:08X} | {} | {} | {} | `{}` |\n", edit.va, edit.size, edit.who, edit.what,
            bytes_text(edit.unmodified));
    }
}

}  // namespace

std::string sites_document() {
    std::string out;
    add_introduction(out);
    add_functions(out);
    add_helpers(out);
    add_pointers(out);
    add_known_edits(out);
    return out;
}

}  // namespace mp::tools
