// Installs a set of hooks as a whole or not at all, and takes them out again.
//
// Cold, one at a time (an internal ColdLock), any thread. While bytes are written every other thread of the process is
// suspended and none of them stands inside the bytes that change. No memory is allocated from a C runtime meanwhile.
// W^X: a trampoline page becomes executable only after it was written and never becomes writable again; code pages are
// read-write while written and get their former protection back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "game/sites.h"
#include "patch/image.h"
#include "patch/verify.h"

namespace mp::patch {

enum class Role : std::uint8_t {
    consumer,  ///< free, size, contains: published first
    producer,  ///< allocate, create: published last
};

/// A function to be replaced. `original` receives the address of the trampoline (calls the unpatched function) before
/// the jump is written; it may be nullptr when the original is never called.
struct Hook {
    const game::Site* site = nullptr;
    const void* replacement = nullptr;
    void** original = nullptr;
    Role role = Role::consumer;
};

/// A vtable slot to be replaced. `original` receives the former value.
struct PointerHook {
    const game::PointerSite* site = nullptr;
    const void* replacement = nullptr;
    void** original = nullptr;
};

enum class Failure : std::uint8_t {
    none,
    verification,       ///< a site does not match; `report` says how
    trampoline_memory,  ///< no memory for trampolines
    protection,         ///< a page's protection could not be changed
    thread_in_the_way,  ///< a thread could not be moved out of the bytes within the allowed tries
    thread_refused,     ///< a thread that lives could not be suspended within the allowed tries; `thread` names it
    too_many_threads,   ///< more than can be suspended, or the system cannot list them
    foreign_change,     ///< (restore) somebody else changed our jump; it was left alone
    interrupted,        ///< (restore at the process's end) the system ended a thread inside a transaction
    already_installed,  ///< the site carries another replacement of ours; restore that first
    bad_request,        ///< no site or replacement, a site twice, overlapping sites, or more than kMaxHooks
};

/// What a look at the image after a failed transaction showed. Before anything could be changed there is none.
struct Aftermath {
    bool looked = false;
    std::uint8_t standing = 0;  ///< sites whose bytes are not the former ones but those of the transaction
    std::uint8_t foreign = 0;   ///< sites whose bytes are neither, or cannot be read
    std::uint8_t pages = 0;     ///< pages that are not protected as before
    /// Every byte and every protection was compared and is the former one.
    [[nodiscard]] constexpr bool untouched() const noexcept {
        return looked && standing == 0 && foreign == 0 && pages == 0;
    }
};

struct Error {
    Failure failure = Failure::none;
    game::Addr address = 0;
    SiteReport report{};
    std::uint32_t thread = 0;  ///< id; 0 when the system did not name one
    Aftermath aftermath{};
};

/// One-line text for an error: why, without what it left.
std::size_t describe(const Error& error, char* out, std::size_t capacity) noexcept;

/// One line about the state that a failed transaction left: "nothing was changed" only when a comparison says so.
std::size_t describe(const Aftermath& aftermath, char* out, std::size_t capacity) noexcept;

struct PageAccess {
    bool readable = false;
    bool writable = false;
    bool executable = false;
    bool operator==(const PageAccess&) const = default;
};

/// A page of the game that is not protected as it was before a transaction.
struct ChangedPage {
    game::Addr address = 0;
    PageAccess former;
    PageAccess now;
};

/// "0x00AA7000 (was r-x, is rw-)".
std::size_t describe(const ChangedPage& page, char* out, std::size_t capacity) noexcept;

inline constexpr std::size_t kMaxHooks = 96;

/// One hook that is in place. Copyable bookkeeping in static storage; not RAII on purpose: the game outlives our
/// objects.
struct Installed {
    game::Addr va = 0;
    std::uint8_t size = 0;  ///< bytes changed
    std::uint8_t original[game::BytePattern::kCapacity] = {};
    std::uint8_t written[game::BytePattern::kCapacity] = {};
    bool is_pointer = false;
    game::Group group = game::Group::none;
};

struct Installation {
    Installed hooks[kMaxHooks];
    std::size_t count = 0;
};

/// Verifies all sites again, writes trampolines, then all jumps, consumers (and slots) before producers. On any failure
/// every byte, protection and `*original` is as before; trampolines that exist by then stay, so that a thread that read
/// an `*original` meanwhile is safe. A site whose popped bytes are not proven is refused. A hook that stands already
/// with the same replacement is left as it is, its `*original` filled in. Appends to `installation`. Should the system
/// refuse a rollback, Error::aftermath says what is left of the transaction: hooks that could not be taken out keep
/// working and stay in `installation`, pages are told by mend_pages.
std::expected<void, Error> install(std::span<const Hook> hooks, std::span<const PointerHook> pointers,
                                   Installation& installation) noexcept;

/// Tries once more to give pages back the protection that a transaction could not, and tells those that still differ:
/// fills `out` as far as it reaches, returns how many there are. Any time; nothing becomes writable by it.
std::size_t mend_pages(std::span<ChangedPage> out) noexcept;

/// Looks for sites of `installation` at which our bytes do not stand any more, the game's own ones in their place
/// included: fills `changes` as far as it reaches, returns how many there are. Reads only.
std::size_t find_foreign_changes(const Installation& installation, std::span<Error> changes) noexcept;

/// Puts the original bytes back wherever our own bytes still stand, last written first. A site that somebody changed
/// after us is left alone and reported through `left_alone` (up to its size; the count is returned). Trampolines stay
/// mapped for ever: a thread may still be inside one. Entries that were restored are removed from `installation`.
std::expected<std::size_t, Error> restore(Installation& installation, std::span<Error> left_alone) noexcept;

}  // namespace mp::patch
