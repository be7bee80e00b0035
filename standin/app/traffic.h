// What the scenarios are made of: sizes, lifetimes and doors of one thread's memory traffic, and the scenarios' table.
//
// Where the numbers come from: thread roles, the order of a frame, size classes that are known to fill up, cross-thread
// frees and the volume of live small blocks are recorded facts of the game (engine contract F). Rates per frame are not
// recorded anywhere; those here are chosen so that one frame makes a few thousand calls.
#pragma once

#include "app/random.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace mp::app {

struct SizeRange {
    std::uint32_t low;
    std::uint32_t high;
    std::uint32_t weight;
};
using SizeMix = std::span<const SizeRange>;
std::uint32_t pick_size(Random& random, SizeMix sizes);

/// Entry point family through which a block is made; it must be freed through the matching one.
enum class Door : std::uint8_t {
    operator_new,  ///< 0x401000 / 0x401030
    manager,       ///< 0xAA3E40 / 0xAA4060
    file_buffer,   ///< 0xAA3E40 in the context of file buffers
    malloc_,       ///< the ten CRT entries from here on
    malloc_crt,
    calloc_,
    calloc_crt,
};

enum class Role : std::uint8_t { main, ai, io, audio, loader };

/// Work of one thread in one step (a frame, or a slice of a load). Shares are per mille.
struct Traffic {
    Role role;
    std::uint32_t allocations;  ///< blocks made in a step
    SizeMix sizes;
    std::uint32_t brief;  ///< share freed in the same step
    std::uint32_t cell;   ///< share that lives until its cell is released; the rest lives `life` steps
    std::uint32_t life_low;
    std::uint32_t life_high;
    std::uint32_t to_main;  ///< share of the longer-lived ones that the main thread frees
    std::uint32_t crt;      ///< share made through the CRT, as script strings are
    std::uint32_t resizes;  ///< reallocations in a step
    std::uint32_t size_queries;
    std::uint32_t scrap_blocks;  ///< stack allocations in a step
    std::uint32_t scrap_low;
    std::uint32_t scrap_high;
    std::uint32_t buffers;  ///< file buffers in ten steps
    std::uint32_t buffer_low;
    std::uint32_t buffer_high;
};

enum class Kind : std::uint8_t { frames, load };

struct Scenario {
    std::string_view name;
    std::string_view title;
    Kind kind;
    std::uint32_t steps;
    std::uint32_t resident;  ///< blocks that live through the whole run, made before the first step
    SizeMix resident_sizes;
    std::uint32_t resident_cell;  ///< share of the resident blocks that belongs to the first cell
    std::span<const Traffic> threads;
    std::uint32_t cycle;         ///< steps after which the same load comes again: the steady state; 0 = never
    std::uint32_t burst_period;  ///< every so many steps the main and AI threads do three times the work; 0 = never
    std::uint32_t cell_period;   ///< steps until the oldest cell is released as a batch and pools are purged; 0 = never
    std::uint32_t cells;         ///< cells alive at a time
    std::uint32_t pin_period;    ///< steps between two media pins; 0 = never

    /// Loads release their first cell at once, frames after a period.
    [[nodiscard]] constexpr bool changes_cell(std::uint32_t step) const {
        return cell_period != 0 && step % cell_period == 0 && (step != 0 || kind == Kind::load);
    }
};

std::span<const Scenario> scenarios();
/// nullptr when there is none of that name.
const Scenario* find_scenario(std::string_view name);

}  // namespace mp::app
