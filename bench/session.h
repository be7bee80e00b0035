// Game sessions made up from numbers: what is loaded first, what lives for a moment, for some frames, with a cell of
// the world, or for good.
//
//   scratch    freed in the same frame, last in, first out             six in ten of a frame's new blocks
//   short      a ring: freed when as many newer ones have come         three in ten
//   cell       freed together, 25 frames later, in random order        one in ten
//   permanent  made before the first frame; every frame one in 200 is replaced by one of another size
//
// The main thread does 55 % of the work, the others share the rest; of what leaves the ring or a cell, a part is freed
// by another thread than made it.
#pragma once

#include "crew.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace mp::bench {

struct SessionOptions {
    std::uint32_t threads = 1;
    std::uint32_t seed = 1;
    std::uint32_t scale_percent = 100;  ///< of blocks and of allocations a frame
    std::uint32_t frames = 0;           ///< 0: the session's own number
    std::uint32_t largest = 0;          ///< no block above this; 0: no limit
};

/// `small` (4 to 1020 bytes only), `mix` (a game's mix), `long` (400 frames, ten phases, each with a mix of its own),
/// `heaps` (small, equal shares, long frames: for many threads). nullptr when there is none of that name.
std::unique_ptr<Play> make_session(std::string_view name, const SessionOptions& options);

}  // namespace mp::bench
