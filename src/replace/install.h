// Decides which groups can be replaced, and replaces them in one transaction. Cold; one call at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"
#include "patch/transaction.h"
#include "patch/verify.h"
#include "replace/io_threads.h"
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

/// How one function or slot of an installed group was proven.
struct SiteProof {
    game::Addr site = 0;
    game::Group group = game::Group::none;
    patch::Proof proof = patch::Proof::none;
};

struct InstallReport {
    std::array<GroupOutcome, kMaxSubsystems> groups{};
    std::size_t group_count = 0;
    std::array<SiteProof, patch::kMaxHooks> proofs{};
    std::size_t proof_count = 0;
    HelperReports helpers{};  ///< functions of the game that are called: what was found of each
    bool has_error = false;
    patch::Error error{};

    /// Functions of the mission's list, and front doors, in the groups that were to be replaced, whatever became of
    /// them; 0 before an installation.
    [[nodiscard]] std::uint32_t patches_asked() const noexcept;
    [[nodiscard]] std::uint32_t front_doors_asked() const noexcept;
};

/// Checks every subsystem against the running image and installs those whose sites all match. Installing again while
/// something is installed changes nothing and reports what is in place.
InstallReport install(std::span<const Subsystem> subsystems) noexcept;

/// Why a restore was not made, or how far it came.
struct RestoreReport {
    std::uint64_t live_blocks = 0;  ///< not 0: refused, the game still holds blocks that only we can free
    bool heaps_are_taken = false;   ///< refused, the allocator uses memory of the game's heaps (take_heap_memory)
    std::size_t left_alone = 0;     ///< sites that somebody changed after us
    bool has_error = false;
    patch::Error error{};
    [[nodiscard]] bool complete() const noexcept {
        return live_blocks == 0 && !heaps_are_taken && left_alone == 0 && !has_error;
    }
};

/// Puts every original byte back, unless blocks of ours are live.
RestoreReport restore() noexcept;

/// The same at the orderly end of the process. Other modules may still free memory of the game after us; so while
/// blocks are live, the groups that know how to free them stay in place and only the others are restored.
/// `live_blocks` says how many there were.
RestoreReport restore_at_process_end() noexcept;

/// Looks at every site in the running image once more; the three functions below tell what was found. Install and
/// restore look by themselves. Cold; main thread.
void look_for_changes() noexcept;

/// Sites at which our bytes did not stand any more when somebody last looked, because they were changed after us. Valid
/// until the next look. Main thread.
std::span<const patch::Error> changed_sites() noexcept;

/// Functions of the mission's list that were replaced when somebody last looked, 0 to 17. Any thread, one load.
std::uint32_t patch_count() noexcept;

/// Whether the group is replaced. Not while something is installed or restored.
bool is_installed(game::Group group) noexcept;

/// What is in place now, to look at only: not while something is installed or restored.
const patch::Installation& installation() noexcept;

/// All functions and slots that are replaced now.
std::size_t installed_sites() noexcept;

/// Front doors (game::kFrontDoorCount) that were replaced when somebody last looked. Any thread, one load.
std::uint32_t front_doors_taken() noexcept;

/// Group of a site that is installed; Group::none for any other address.
game::Group installed_group(game::Addr va) noexcept;

}  // namespace mp::replace
