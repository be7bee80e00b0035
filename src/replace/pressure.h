// Memory pressure: what the replacements do when the system refuses, and the game's own out-of-memory protocol.
// Cold. No lock of ours may be held by the caller of anything here: the game's handler can free, allocate and destroy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "replace/policy.h"

namespace mp::replace {

/// True for a while after the system refused memory: caches are then given back instead of kept.
bool memory_is_scarce() noexcept;

/// Notes that the system refused memory.
void note_refusal() noexcept;

/// Who else keeps memory for reuse, and how it is released: by any thread, allocating nothing. Before the first
/// replacement.
void set_idle_memory(void (*release)() noexcept) noexcept;

/// Gives every cache of ours back: free spans of the allocator and what set_idle_memory named.
void give_caches_back() noexcept;

/// Makes the allocator's refusals known here and gives it a reserve. Before the first replacement; again when memory
/// has returned: the reserve is then filled up. Cold.
void prepare_for_pressure() noexcept;

/// A request that the system refused, told at once.
struct RefusedRequest {
    std::size_t size;            ///< bytes asked for
    std::uint32_t thread;        ///< id of who asked
    std::uint64_t largest_hole;  ///< bytes; 0 when the system does not tell
    std::uint64_t committed;     ///< bytes of the allocator
    std::uint32_t untold;        ///< refusals since the last one that was told
};
/// Called by the refused thread, which holds no lock of ours but may hold the game's: no call of the game.
using RefusalListener = void (*)(const RefusedRequest&) noexcept;
void set_refusal_listener(RefusalListener listener) noexcept;

/// Tells the listener of a refusal: the first one of a size, and each of more than the largest hole; not more than one
/// a second. Looks at the whole address space before it tells.
void report_refusal(std::size_t size) noexcept;

/// The loop of the functions that never fail (engine contract A.3, A.5, B.2): one stage of 0x866A90 between two
/// attempts.
///
/// Stages destroy what the player sees, so a request that cannot succeed may not run them for ever: a round of stages
/// is followed by a time of waiting, a quarter of a second at first and twice as long after each round, up to 8
/// seconds, with an attempt each millisecond. A worker asks the main thread for a compaction once a round, not each
/// millisecond as the original does: its main loop would run the destructive stages every frame.
///
/// Stages never nest: what is asked for inside a stage of the same thread only waits.
class OutOfMemoryProtocol {
public:
    enum class Caches : std::uint8_t { kept, given_back };

    /// `size` bytes were refused. `caches`: whether ours were given back before.
    explicit OutOfMemoryProtocol(std::size_t size, Caches caches = Caches::kept) noexcept;

    /// Runs the next stage, or waits a millisecond. The first call gives our own caches back instead, unless that has
    /// been done, and the second one what waits in the caller's quarantine, so that the game is not asked to destroy
    /// anything that our caches could have paid for. The original's stage 8 is not run: it also looks at a second IO
    /// thread that need not exist, and crashes then (engine contract B.10).
    void next_stage() noexcept;

    /// True when something may have come free since the last attempt, so that it is worth giving caches back again.
    [[nodiscard]] bool is_worth_more() const noexcept { return waits_ % policy::kFullAttempt == 0; }

    /// True from the first stage of each round on.
    [[nodiscard]] bool has_run_stage() const noexcept { return stage_ != 0; }

    /// True while the calling thread is in one of the game's stages, started by us.
    static bool is_inside_stage() noexcept;

private:
    void wait() noexcept;
    void run_stage() noexcept;

    std::size_t size_;
    std::uint32_t waits_ = 0;
    std::uint32_t round_ = policy::kFirstRound;
    bool caches_given_back_;
    bool quarantine_flushed_ = false;
    std::int32_t stage_ = 0;
};

// --- allocation for callers that never look at NULL: they write through its result at once ---------------------------

/// No stretch of a 32-bit process's address space can hold a larger block, however long one waits: the original waits
/// for ever.
inline constexpr std::size_t kLargestServable = 0x7FF00000;

/// A block of at least `size` bytes after the allocator has refused it, whatever it takes: the game's out-of-memory
/// stages one at a time with an attempt after each, at the allocator and then, as the original does, at the C runtime's
/// own heap, whose smaller pieces may fit where none of ours does (engine contract B.2, B.10): such a block is not ours
/// (mp_knows), and the game's free knows whose it is. Inside a stage, where none may be started, the reserve is asked
/// first and the runtime's heap at once. nullptr only above kLargestServable. Cold; no lock of ours may be held.
void* allocate_or_run_protocol(std::size_t size) noexcept;

/// A block from the reserve when the system refuses; nullptr when it has none left.
void* allocate_from_reserve(std::size_t size) noexcept;

/// As allocate_or_run_protocol, with an alignment (a power of two of at most 64 KB) for scrap heaps: the reserve first,
/// then the stages.
void* allocate_from_reserve_or_run_protocol(std::size_t alignment, std::size_t size) noexcept;

/// A block of the C runtime's own heap, which is not asked before it exists: then, and when it refuses, nullptr.
/// crt_heap.cpp.
void* allocate_from_runtime(std::uint32_t size) noexcept;

}  // namespace mp::replace
