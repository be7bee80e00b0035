// Blocks that lie alone: each in pages of its own with pages that nobody may touch before and behind it, at their end
// or (one of four) at their start; after its free its own pages are closed too, for as long as there is room for
// others. Whoever goes beyond such a block, or uses it after its free, faults at that instruction, and what happened to
// the block is known. For a sample of the blocks: each takes at least two pages. Knows nothing of the game.
//
// Any thread may call any function; a fault may be explained in any state of the process.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "os/call_stack.h"

namespace mp::guard {

/// Somebody did something to a block.
struct Moment {
    os::CallStack stack{};
    std::uint32_t thread = 0;
    std::uint32_t ms = 0;   ///< of the caller's clock
    std::uint8_t door = 0;  ///< the caller's number for how it was done
};

struct History {
    std::uintptr_t address = 0;
    std::size_t size = 0;  ///< that was asked for, bytes
    bool is_freed = false;
    Moment allocated{};
    Moment freed{};  ///< when it is
};

enum class Kind : std::uint8_t {
    overrun,          ///< an access behind the end
    underrun,         ///< an access before the start
    use_after_free,   ///< an access to a freed block
    written_around,   ///< seen at the free: bytes beside it were changed, by whom is not known
    double_free,      ///< a freed block is freed
    interior_free,    ///< what is freed is no start of a block
    mismatched_free,  ///< freed by another door than the one that made it
    unknown_free,     ///< no live block starts where somebody frees one, and nothing more is known
    unknown_size,     ///< nor where somebody asks for a block's size
    unknown_resize,   ///< nor where somebody resizes one
    written_behind,   ///< bytes behind the end of a block that is no guarded one were changed, by whom is not known
};

struct Found {
    Kind kind;
    History block{};
    /// Of the access, from the block's start; at and above its size: behind it.
    std::ptrdiff_t offset = 0;
};

/// Reserves `bytes` of address space for guarded blocks. `freed_word`: what a freed block holds in its second word.
/// False when the system refuses: then none is ever made. Once, before any other call.
bool start(std::size_t bytes, const void* freed_word) noexcept;

/// The largest block that can be guarded, bytes.
inline constexpr std::size_t kLargest = std::size_t{64} * 1024;

/// Sizes of which every block is guarded, bytes; 0: none.
using Sizes = std::array<std::uint32_t, 8>;

namespace detail {
extern std::uintptr_t g_base;
extern std::size_t g_size;
}  // namespace detail

/// Whether an address lies where guarded blocks lie. Two loads; false before start().
inline bool holds(const void* address) noexcept {
    return reinterpret_cast<std::uintptr_t>(address) - detail::g_base < detail::g_size;
}

/// Whether allocate() of that size would find a place, as far as can be told without looking. For who wants to do
/// something expensive before.
bool has_room(std::size_t size) noexcept;

/// A cleared block, aligned to 8 bytes, to 16 when its size is a multiple of 16; nullptr when all places are taken by
/// live blocks, it is too large or the system refuses.
void* allocate(std::size_t size, const Moment& moment) noexcept;

/// Bytes of the live guarded block that starts here; 0 when none does.
std::size_t size_of(const void* block) noexcept;

struct Freed {
    bool done = false;
    std::optional<Found> found{};  ///< what was wrong
};
/// Ends the life of the block that starts here, at most once.
Freed free(void* block, const Moment& moment) noexcept;

/// What an access to `address` that faulted was; nothing when it lies in no block and beside none.
std::optional<Found> explain(std::uintptr_t address) noexcept;

/// Opens the page of `address` for reading and writing, until a block is made there. False when the system refuses.
bool open(std::uintptr_t address) noexcept;

/// Shows each block that lives at about this moment; others are made and freed meanwhile. Cold.
void each_live(void (*take)(const History& block, void* context), void* context) noexcept;

struct Counts {
    std::uint32_t live = 0;
    std::uint32_t freed = 0;     ///< places that wait to be used again
    std::uint32_t made = 0;      ///< in all
    std::uint32_t not_made = 0;  ///< no place, or the system refused
};
Counts counts() noexcept;

}  // namespace mp::guard
