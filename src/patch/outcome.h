// What a transaction answers: why it failed, what it left, which pages are not protected as before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "game/sites.h"
#include "patch/verify.h"

namespace mp::patch {

enum class Failure : std::uint8_t {
    none,
    trampoline_memory,  ///< no memory for trampolines
    protection,         ///< a page's protection could not be changed
    thread_in_the_way,  ///< a thread could not be moved out of the bytes within the allowed tries
    thread_refused,     ///< a thread that lives could not be suspended within the allowed tries; `thread` names it
    too_many_threads,   ///< more than can be suspended, or the system cannot list them
    foreign_change,     ///< (restore) somebody else changed our jump; it was left alone
    unreadable,         ///< what stands at a site cannot be looked at; as far as is known it stands as it did
    interrupted,        ///< (restore at the process's end) the system ended a thread inside a transaction
    bad_request,        ///< no replacement, a site twice, overlapping sites, or more than kMaxHooks
};

/// What a look at the image after a failed transaction showed. Before anything could be changed there is none.
struct Aftermath {
    bool looked = false;
    std::uint8_t standing = 0;  ///< sites whose bytes are not the former ones but those of the transaction
    std::uint8_t foreign = 0;   ///< sites whose bytes are neither
    std::uint8_t pages = 0;     ///< pages that are not protected as before, or cannot be looked at
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

}  // namespace mp::patch
