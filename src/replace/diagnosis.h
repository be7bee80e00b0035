// The culprit finder's part at the doors, and what the doors do with a pointer that is no ordinary live block of ours.
// Some of the blocks that the game's heap and the C runtime hand out are guarded ones, and what is wrong with a free is
// told. Without the culprit finder no hook is another one and no path longer, but for such pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guard/guarded_blocks.h"
#include "os/compiler.h"
#include "replace/thread_state.h"

namespace mp::replace {

/// Which blocks are guarded.
struct Sampling {
    std::uint32_t one_in = 1000;    ///< of all blocks, at least 1
    guard::Sizes sizes{};           ///< and every block of these
    std::size_t address_space = 0;  ///< that is reserved for guarded blocks, bytes
};

/// From the next installation on. False when the system refuses the address space. Once, before the first replacement.
bool start_diagnosis(const Sampling& sampling) noexcept;
bool is_diagnosing() noexcept;
/// Whether the ordinary doors choose the guarded blocks: those with borders do it before they ask them.
bool doors_guard() noexcept;

/// The blocks that are no guarded ones have borders (borders.h), from the next installation on.
void set_borders(bool on) noexcept;
bool has_borders() noexcept;

/// Whose doors: by whom a block was made and freed. Numbers of guard::Moment.
enum class Door : std::uint8_t { game_heap, crt_heap, heap_blocks };
const char* door_name(std::uint8_t door) noexcept;

/// The moment of a door that was called from `caller`; `frame`: MP_FRAME_ADDRESS() of the door.
guard::Moment moment_of(Door door, const void* caller, const void* frame) noexcept;

/// Told of a free that is wrong, by the thread that frees, which may hold any lock of the game's.
using FindingListener = void (*)(const guard::Found& found, const guard::Moment& now) noexcept;
void set_finding_listener(FindingListener listener) noexcept;

namespace detail {

extern Sampling g_sampling;
void* allocate_guarded(Door door, std::uint32_t size, const void* caller, const void* frame) noexcept;
void choose_next(ThreadState& state) noexcept;

inline bool is_named(std::uint32_t size) noexcept {
    for (const std::uint32_t named : g_sampling.sizes) {
        if (named == size) {
            return size != 0;
        }
    }
    return false;
}

}  // namespace detail

/// A guarded block of the game's or the C runtime's heap when it is this one's turn, counted like any other; nullptr:
/// an ordinary one is to be made. `caller`, `frame`: MP_RETURN_ADDRESS() and MP_FRAME_ADDRESS() of the door.
MP_ALWAYS_INLINE void* guarded_in_turn(Door door, std::uint32_t size, const void* caller, const void* frame) noexcept {
    ThreadState& state = thread_state();
    if (--state.until_guarded == 0) [[unlikely]] {
        detail::choose_next(state);
    } else if (!detail::is_named(size)) [[likely]] {
        return nullptr;
    }
    return detail::allocate_guarded(door, size, caller, frame);
}

/// For a pointer that is no ordinary live block of ours, at which no live block of ours starts at all: true when it
/// leads into memory of ours. It is then counted as invalid, told as `kind` (unknown_free, unknown_size or
/// unknown_resize), and must not reach the original, whose it is else.
MP_NOINLINE bool refuse_invalid(Door door, guard::Kind kind, const void* pointer, const void* caller) noexcept;

/// Frees a pointer that is no ordinary live block of ours: a guarded block, or one that refuse_invalid answers for.
/// False: it is the original's.
MP_NOINLINE bool free_other(Door door, void* block, const void* caller) noexcept;

}  // namespace mp::replace
