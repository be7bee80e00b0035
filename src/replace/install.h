// Decides which groups can be replaced, and replaces them in one transaction. Cold; one call at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"
#include "patch/transaction.h"
#include "patch/verify.h"
#include "replace/subsystem.h"

namespace mp::replace {

inline constexpr std::size_t kMaxSubsystems = 16;

/// What became of one group.
struct GroupOutcome {
    enum class State : std::uint8_t {
        installed,
        declined,    ///< `report` names the first site that does not match
        not_needed,  ///< all sites match, but the groups that it builds on were declined
        failed,  ///< all sites match, but the transaction did not go through; `InstallReport::error` says why and what
                 ///< it left
    };
    game::Group group = game::Group::none;
    State state = State::declined;
    std::uint8_t sites = 0;       ///< functions and slots of the group
    std::uint8_t mismatches = 0;  ///< how many of them do not match
    std::uint8_t standing = 0;    ///< for `failed`: how many of them could not be taken out again and stay replaced
    patch::SiteReport report{};
};

struct InstallReport {
    std::array<GroupOutcome, kMaxSubsystems> groups{};
    std::size_t group_count = 0;
    bool has_error = false;
    patch::Error error{};
};

/// Whether a group is one of the doors through which the game itself asks for memory.
constexpr bool is_front_door(game::Group group) noexcept {
    using enum game::Group;
    return group == game_heap || group == game_heap_optional || group == crt_heap || group == scrap_heaps ||
           group == thread_scrap_heap;
}

/// Checks every subsystem against the running image and installs those whose sites all match. Installing again while
/// something is installed changes nothing and reports what is in place.
InstallReport install(std::span<const Subsystem> subsystems) noexcept;

/// Why a restore was not made, or how far it came.
struct RestoreReport {
    std::uint64_t live_blocks = 0;  ///< not 0: refused, the game still holds blocks that only we can free
    std::size_t left_alone = 0;     ///< sites that somebody changed after us
    bool has_error = false;
    patch::Error error{};
    [[nodiscard]] bool complete() const noexcept { return live_blocks == 0 && left_alone == 0 && !has_error; }
};

/// Puts every original byte back, unless blocks of ours are live.
RestoreReport restore() noexcept;

/// The same at the orderly end of the process. Other modules may still free memory of the game after us; so while
/// blocks are live, the groups that know how to free them stay in place and only the others are restored.
/// `live_blocks` says how many there were.
RestoreReport restore_at_process_end() noexcept;

/// Functions of the mission's list that are replaced now, 0 to 17.
std::uint32_t patch_count() noexcept;

/// All functions and slots that are replaced now.
std::size_t installed_sites() noexcept;

/// Front doors of the game's heaps (game, CRT, scrap) in the site table, and how many of them are replaced now.
inline constexpr std::uint32_t kFrontDoorCount = [] {
    std::uint32_t doors = 0;
    for (const game::Site& site : game::kSites) {
        doors += is_front_door(site.group) ? 1 : 0;
    }
    return doors;
}();
std::uint32_t front_doors_taken() noexcept;

/// Sites of ours that somebody changed after us: fills `out` as far as it reaches, returns how many there are. Cold.
std::size_t overwritten_sites(std::span<patch::Error> out) noexcept;

}  // namespace mp::replace
