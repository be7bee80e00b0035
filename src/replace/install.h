// Decides which groups can be replaced, and replaces them in one transaction. Cold; one call at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"
#include "patch/transaction.h"
#include "replace/io_threads.h"

namespace mp::replace {

/// How much of the game's memory is replaced.
enum class Extent : std::uint8_t {
    boundary,           ///< the mission's patterns
    scrap,              ///< buffers, doors and getter of the scrap heaps, whose memory meets no other heap's
    full,               ///< boundary, and the front doors of the game's heaps
    full_and_builders,  ///< and what builds heaps and pools: only in Preload, before any of it has run
};

struct InstallReport : patch::InstallReport {
    HelperReports helpers{};  ///< functions of the game that are called: what was found of each
};

/// Checks everything of that extent against the running image and installs the groups whose sites all match. Installing
/// again while something is installed changes nothing and reports what is in place.
InstallReport install(Extent extent) noexcept;

/// Functions of the mission's list, and front doors, that the last installation asked for, whatever became of them; 0
/// before.
std::uint32_t patches_asked() noexcept;
std::uint32_t front_doors_asked() noexcept;

/// How far a restore came.
struct RestoreReport {
    std::uint64_t live_blocks = 0;  ///< not 0: the game still holds blocks that only we can free
    std::size_t left_alone = 0;     ///< sites that somebody changed after us
    bool has_error = false;
    patch::Error error{};
    [[nodiscard]] bool complete() const noexcept { return live_blocks == 0 && left_alone == 0 && !has_error; }
};

/// Puts the original bytes back at the orderly end of the process. Other modules may still free memory of the game
/// after us; so while blocks are live, the groups that know how to free them stay in place and only the others are
/// restored. `live_blocks` says how many there were.
RestoreReport restore_at_process_end() noexcept;

/// Looks at every site in the running image once more; the three functions below tell what was found. Install and
/// restore look by themselves. Cold; main thread.
void look_for_changes() noexcept;

/// Sites at which our bytes did not stand any more when somebody last looked, because they were changed after us. Valid
/// until the next look. Main thread.
std::span<const patch::Error> changed_sites() noexcept;

/// Functions of the mission's list that were replaced when somebody last looked, 0 to 17. Any thread, one load.
std::uint32_t patch_count() noexcept;

/// What was asked for last, and what of it stands. Not while something is installed or restored.
patch::Hooks& hooks() noexcept;

/// All functions and slots that are replaced now.
std::size_t installed_sites() noexcept;

/// Front doors (game::kFrontDoorCount) that were replaced when somebody last looked. Any thread, one load.
std::uint32_t front_doors_taken() noexcept;

/// Group of a site that was asked for; Group::none for any other address.
game::Group group_asked(game::Addr va) noexcept;

}  // namespace mp::replace
