// Single calls under a clock.
#pragma once

#include <cstdint>

namespace mp::bench {

/// Google Benchmark's own command line and output: pairs of malloc and free by size and threads, the ownership test,
/// commits of pages by step. False when the arguments are wrong.
bool run_micro(int argc, char** argv);

enum class PairMode : std::uint8_t { pair, batch, empty };
/// `count` times malloc and free of `size` bytes on this thread, one by one or a thousand at a time; `empty`: the loop
/// alone. For counting instructions from outside. False when the side cannot start.
bool run_pairs(PairMode mode, std::uint32_t size, std::uint32_t count);

/// What is left of a question without its work. In another file than its caller, so that the compiler passes the
/// address as it does to a side.
int answer_nothing(const void* address);

/// Each thread frees what its neighbour has allocated: CPU ns for a malloc with its free.
double measure_remote_pairs(std::uint32_t size, std::uint32_t threads, std::uint32_t rounds);

/// CPU ns for every 4 KB page of `bytes` bytes of fresh memory, taken in blocks of 1 KB and written; 0 when it ran out.
double measure_fresh_pages(std::uint64_t bytes);

}  // namespace mp::bench
