// Semaphores of the game's IO threads, which a waiting worker lets go of. Engine contract B.10.
#pragma once

#include <array>
#include <iterator>

#include "game/sites.h"
#include "patch/image.h"
#include "patch/verify.h"

namespace mp::replace {

/// One report for each of game::kHelpers.
using HelperReports = std::array<patch::SiteReport, std::size(game::kHelpers)>;

/// Proves the three helpers in the image; until all of them are proven nothing is ever called. Before anything is
/// replaced; one call at a time.
HelperReports prove_io_helpers(const patch::Image& image, patch::Walk& walk) noexcept;

/// Releases every IO thread's semaphore that the calling thread owns, and signals that thread idle. Does nothing before
/// the game has an IOManager, or when what it says of its threads is not plausible. No lock of ours may be held.
void release_own_io_semaphores() noexcept;

/// True on the thread that the game calls its main thread; false as long as the game does not know one.
bool is_main_thread() noexcept;

}  // namespace mp::replace
