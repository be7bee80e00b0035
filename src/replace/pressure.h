// Memory pressure: what the replacements do when the system refuses, and the game's own out-of-memory protocol.
// Cold. No lock of ours may be held by the caller of anything here: the game's handler can free, allocate and destroy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::replace {

/// True for a while after the system refused memory: caches are then given back instead of kept.
bool memory_is_scarce() noexcept;

/// Notes that the system refused memory.
void note_refusal() noexcept;

/// Gives every cache of ours back: free spans of the allocator and idle scrap buffers.
void give_caches_back() noexcept;

/// The loop of the functions that never fail (engine contract A.3, A.5): one stage of 0x866A90 between two attempts.
class OutOfMemoryProtocol {
public:
    /// Runs the next stage. The first call gives our own caches back instead, so that the game is not asked to destroy
    /// anything that our caches could have paid for. After the last stage that frees something it waits a millisecond a
    /// call, asks the main thread for a compaction, and now and then starts over: the original's stage 8 does the same,
    /// but also looks at a second IO thread that need not exist, and crashes then (engine contract B.10).
    void next_stage() noexcept;

private:
    void wait() noexcept;

    std::uint32_t waits_ = 0;
    bool caches_given_back_ = false;
    std::int32_t stage_ = 0;
};

/// Kernel calls of the replacements, counted (Count::kernel_calls).
namespace kernel {
void* reserve(std::size_t size) noexcept;
void* reserve_at(void* address, std::size_t size) noexcept;
void* reserve_commit(std::size_t size) noexcept;
bool commit(void* address, std::size_t size) noexcept;
bool decommit(void* address, std::size_t size) noexcept;
bool release(void* address, std::size_t size) noexcept;
}  // namespace kernel

}  // namespace mp::replace
