// The ten patterns of memory functions, each called directly in a loop the way its callers in the game do.
#pragma once

#include "meter/kernel_meter.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mp::app {

struct PatternFunction {
    std::string_view name;
    std::uint32_t address;
    std::uint64_t calls;
};

struct PatternResult {
    std::uint32_t number;  ///< 1..10
    std::string_view title;
    std::string_view loop;  ///< what one round does
    std::uint32_t threads;
    std::vector<PatternFunction> functions;
    std::uint64_t calls = 0;  ///< of all functions and threads
    double ns_per_call = 0;   ///< wall time of one thread over its own calls
    meter::KernelCalls kernel_calls;
    std::uint32_t errors = 0;
    std::string first_error;
};

/// Runs all ten; pattern 9 gives two results, for 1 and 4 threads. `scale_percent` scales the number of rounds.
std::vector<PatternResult> run_patterns(std::uint64_t seed, std::uint32_t scale_percent);

}  // namespace mp::app
