// Borders behind the blocks that are no guarded ones, for the culprit finder: 16 bytes and what the allocator rounds
// up, with a known content. Whoever writes behind the end of his block changes it, which is seen when the block is
// freed or resized, and by who looks. It tells what was written and which blocks lie there, not who did it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "guard/guarded_blocks.h"
#include "patch/hooks.h"

namespace mp::replace::borders {

/// A live block beside another one.
struct Block {
    std::uintptr_t address = 0;    ///< 0: none that lives
    std::uint32_t size = 0;        ///< that was asked for, bytes; what the allocator gave when that is not known
    std::uint32_t first_word = 0;  ///< of an object: its table of virtual functions
};

/// A border that was written on.
struct Damage {
    Block block;
    Block before;
    Block behind;
    std::uint32_t first = 0;  ///< byte behind the end of the block, and how many from there on are others
    std::uint32_t count = 0;
    std::array<std::uint8_t, 16> written{};  ///< what stands there, from `first` on
};

/// Every door that hands out blocks of ours gives them a border, if they are to have one (has_borders). After the hooks
/// were asked for, before they are installed; full mode only.
void wrap(patch::Hooks& hooks) noexcept;

/// Told of damage that a free or a resize has met, by the thread that calls, which may hold any lock of the game's.
/// `deed`: what was asked for.
using Listener = void (*)(const Damage& damage, const char* deed, const guard::Moment& now) noexcept;
void set_listener(Listener listener) noexcept;

/// Looks at the borders of all blocks of up to 15,872 bytes; the answer is how many of `found` were filled. What is
/// found stood there for a fifth of a second, so it is no block that is just being made. A border that was overwritten
/// whole is not told from memory without one: the block's free meets it. Cold, one thread at a time, not of a lock's
/// holder; `looked_at`: blocks.
std::size_t look(std::span<Damage> found, std::uint32_t& looked_at) noexcept;

}  // namespace mp::replace::borders
