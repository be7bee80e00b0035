// What the replacements did, counted per thread with plain adds and summed when somebody asks.
//
// A thread writes only its own state, so a count costs one thread-local load and one add; no read-modify-write is
// atomic. States outlive their threads and are handed to new ones with their counts in place, so nothing is ever lost.
#pragma once

#include <array>
#include <cstdint>

#include "replace/count.h"
#include "replace/thread_state.h"

namespace mp::replace {

/// A block larger than this walked the original's unsorted list of large blocks (engine contract B.6).
inline constexpr std::uint32_t kLargeBlock = 4096;

/// Adds `amount` to a count of the calling thread.
inline void count(Count kind, std::uint32_t amount = 1) noexcept {
    thread_state().add(kind, amount);
}

/// Counts a block of `size` bytes that the calling thread was given.
inline void count_block(Count kind, std::uint32_t size) noexcept {
    thread_state().add_block(kind, size);
}

/// The same for the game's heaps, whose large blocks are a figure of their own.
inline void count_heap_block(Count kind, std::uint32_t size, const void* caller = nullptr) noexcept {
    ThreadState& state = thread_state();
    state.add_block(kind, size, caller);
    if (size > kLargeBlock) {
        state.add(Count::large_blocks_allocated);
    }
}

/// Sum over all threads, those that ended included. Cold.
std::uint64_t total(Count kind) noexcept;

/// Blocks counted by count_block() so far, by the size that was asked for: an estimate from one in kSampling, short
/// of the true number by less than two such intervals a thread. Cold.
std::array<std::uint64_t, kSizeBounds.size()> size_histogram() noexcept;

/// What the samples of all threads stand for. Cold.
std::uint64_t total_samples(SplitCount Samples::* what) noexcept;

}  // namespace mp::replace
