// Installs a list of hooks, each group as a whole or not at all, and takes them out again.
//
// Cold, one at a time (an internal ColdLock), any thread. While bytes are written every other thread of the process is
// suspended and none of them stands inside the bytes that change. No memory is allocated from a C runtime meanwhile.
// W^X: a trampoline page becomes executable only after it was written and never becomes writable again; code pages are
// read-write while written and get their former protection back.
#pragma once

#include <cstddef>
#include <expected>
#include <span>

#include "patch/hooks.h"
#include "patch/outcome.h"
#include "patch/plan.h"

namespace mp::patch {

/// Verifies all hooks that are not in place, writes trampolines, then all slots and jumps of the groups that match as a
/// whole. On any failure every byte, protection and `*original` is as before; trampolines that exist by then stay, so
/// that a thread that read an `*original` meanwhile is safe. Should the system refuse a rollback, Error::aftermath says
/// what is left of the transaction: hooks that could not be taken out keep working and stand, pages are told by
/// mend_pages.
InstallReport install(Hooks& hooks) noexcept;

/// Tries once more to give pages back the protection that a transaction could not, and tells those that still differ:
/// fills `out` as far as it reaches, returns how many there are. Any time; nothing becomes writable by it.
std::size_t mend_pages(std::span<ChangedPage> out) noexcept;

/// Looks for standing hooks whose bytes are not ours any more (see find_changes). Reads only.
std::size_t find_foreign_changes(const Hooks& hooks, std::span<Error> changes) noexcept;

/// Puts the original bytes back wherever a hook that `wanted` accepts (nullptr: every one) still stands, last written
/// first. A site that somebody changed after us is left alone and reported through `left_alone` (up to its size; the
/// count is returned). Trampolines stay mapped for ever: a thread may still be inside one.
std::expected<std::size_t, Error> restore(Hooks& hooks, bool (*wanted)(const Hook&) noexcept,
                                          std::span<Error> left_alone) noexcept;

}  // namespace mp::patch
