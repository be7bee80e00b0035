// The stand-in's scenarios (standin/app/scenarios.cpp) as sessions for any allocator: the same sizes, lifetimes,
// threads and shares, drawn anew from a seed. What the game does not take from an allocator (stack memory of the scrap
// heaps, media buffers) is left out.
#pragma once

#include "crew.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace mp::bench {

/// nullptr when there is no scenario of that name. `scale_percent` is of the resident blocks and of a step's work,
/// `steps` 0 means the scenario's own number.
std::unique_ptr<Play> make_scenario(std::string_view name, std::uint32_t seed, std::uint32_t scale_percent,
                                    std::uint32_t steps);
/// Threads the scenario needs; 0 when there is none of that name.
std::uint32_t scenario_threads(std::string_view name);

}  // namespace mp::bench
