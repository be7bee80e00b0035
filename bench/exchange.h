// Blocks of random sizes that are replaced in random order, some of them by another thread than the one that made them.
#pragma once

#include "blocks.h"

#include <cstdint>

namespace mp::bench {

struct ExchangeOptions {
    std::uint32_t low = 16;  ///< bytes of the smallest block, at least 4
    std::uint32_t high = 1000;
    std::uint32_t threads = 1;
    std::uint32_t seed = 1;
    std::uint32_t frames = 60;
};

struct Exchange {
    bool started = false;
    double ns = 0;                 ///< CPU of an operation
    std::uint64_t operations = 0;  ///< allocations and frees, without what fills the places first and empties them
    Tally end;                     ///< of all
};
Exchange measure_exchange(const ExchangeOptions& options);

}  // namespace mp::bench
