// What the plugin would do with an executable on disk: the same checks, in the same order, on the same table.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "game/known_images.h"
#include "game/sites.h"
#include "patch/known_edits.h"
#include "patch/verify.h"

namespace mp::tools {

/// The outcome in one word; also the exit code of `mpnvse check`.
enum class Verdict : std::uint8_t {
    all_replaced = 0,   ///< all 17 functions would be replaced
    some_replaced = 1,  ///< some groups would be declined
    // 2 is wrong usage
    not_readable = 3,
    not_a_program = 4,
    truncated = 5,
    damaged = 6,
    other_processor = 7,
    packed = 8,
    no_version = 9,
    wrong_version = 10,
    wrong_base = 11,
    other_edition = 12,
    encrypted = 13,      ///< only the running program can be checked
    site_outside = 14,   ///< the memory system is not where it should be
    none_replaced = 15,  ///< every group would be declined
    no_facts = 16,       ///< the text with the facts was asked for and could not be written
};

struct CheckOptions {
    patch::Accept accept = patch::Accept::bytes_or_structure;
    bool facts = false;  ///< fill in CheckResult::facts
    bool hash = true;    ///< fill in CheckResult::sha256 and known_image; takes longer than everything else
};

struct SiteCheck {
    std::string_view name;
    std::uint8_t pattern = 0;
    bool in_mission = false;
    patch::SiteReport report;
};

/// A coherence group: replaced as a whole or not at all.
struct GroupCheck {
    game::Group group = game::Group::none;
    bool boundary = false;  ///< part of boundary mode; the others are the front doors of full mode
    std::vector<SiteCheck> sites;
    std::size_t mismatches = 0;
    std::size_t by_bytes = 0;      ///< sites that their first bytes proved
    std::size_t by_structure = 0;  ///< sites that a walk over the whole function proved
    std::string problem;           ///< first reason against it, "" when it would be replaced
    [[nodiscard]] bool fits() const noexcept { return problem.empty(); }
};

struct CheckResult {
    Verdict verdict = Verdict::not_readable;
    std::string reason;  ///< one sentence for people
    std::uint64_t size = 0;
    std::string sha256;
    const game::KnownImage* known_image = nullptr;
    bool is_program = false;  ///< what follows is meaningful
    std::uint64_t file_version = 0;
    std::uint32_t image_base = 0;
    bool large_address_aware = false;
    bool steam_section = false;
    std::vector<std::string> warnings;
    std::vector<GroupCheck> groups;  ///< empty when the program was refused before its bytes were looked at
    std::vector<patch::EditReport> edits;
    std::string facts;  ///< patch/facts.h; "" when not asked for, and when the bytes are not the program's
    /// Functions of the mission's 17 that would be replaced.
    [[nodiscard]] std::size_t would_be_replaced() const noexcept;
    /// Front doors, of game::kFrontDoorCount, that full mode would replace.
    [[nodiscard]] std::size_t front_doors() const noexcept;
};

/// `progress` is called now and then with the bytes done, when there is one.
CheckResult check(std::span<const std::uint8_t> file, const CheckOptions& options = {},
                  const std::function<void(std::size_t)>& progress = {});

/// For a file that could not be read.
CheckResult unreadable(std::string reason);

/// For a result whose facts were asked for, but are not there or could not be written.
void set_no_facts(CheckResult& result, std::string reason);

/// "1.4.0.525"
std::string version_text(std::uint64_t version);

}  // namespace mp::tools
