// What a thread of the game carries for the replacements: its counts and the blocks it holds back. One thread-local
// load finds all of it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "os/compiler.h"
#include "replace/count.h"

namespace mp::replace {

/// A 64-bit count with one writer and any readers, in two halves: on a 32-bit processor an add to the lower one is a
/// single instruction. The writer marks the upper half while the two do not agree. Of several writers some adds are
/// lost; readers still come to an end.
class SplitCount {
public:
    void add(std::uint32_t amount) noexcept {
        const std::uint32_t before = low_.load(std::memory_order_relaxed);
        const std::uint32_t after = before + amount;
        if (after < before) [[unlikely]] {
            carry(after);
        } else {
            low_.store(after, std::memory_order_relaxed);
        }
    }
    /// Any thread.
    [[nodiscard]] std::uint64_t read() const noexcept;

private:
    static constexpr std::uint32_t kChanging = 0x80000000;
    MP_NOINLINE void carry(std::uint32_t low) noexcept;

    std::atomic<std::uint32_t> low_{0};
    std::atomic<std::uint32_t> high_{0};
};

/// Freed blocks in the order of their frees. quarantine.h works on it.
struct QuarantineQueue {
    void** slots = nullptr;
    std::uint32_t length = 0;  ///< of `slots`
    std::uint32_t first = 0;   ///< slot of the oldest
    std::uint32_t count = 0;
    std::uint32_t bytes = 0;    ///< of the blocks that wait
    std::uint32_t budget = 0;   ///< the most of them; 0 = none waits
    std::uint32_t version = 0;  ///< of the setting that the budget follows
};
/// By the kind of a block's size: of the game's pools, of its heaps, larger ones.
inline constexpr std::size_t kQuarantineKinds = 3;

/// Upper bounds in bytes of the size histogram's buckets; a bucket holds the sizes above the bound before it.
inline constexpr std::array<std::uint64_t, 15> kSizeBounds{
    8,      16,     32,      64,      128,
    256,    512,    1024,    2048,    4096,
    16'384, 65'536, 262'144, 1 << 20, std::numeric_limits<std::uint64_t>::max()};

/// One allocation in so many, on average, is looked at more closely.
inline constexpr std::uint32_t kSampling = 256;

/// What some of a thread's allocations were. Each stands for those since the one before it.
struct Samples {
    std::array<SplitCount, kSizeBounds.size()> sizes{};
    SplitCount pool_sized;               ///< through the game's front door, of a size that a pool of the game serves
    SplitCount aligned;                  ///< through the game's front door, by its allocator for aligned blocks
    std::uint32_t interval = kSampling;  ///< from the last sample to the next one
    std::uint32_t random = 1;

    /// Its thread's; the upper bits are the random ones.
    std::uint32_t next_random() noexcept {
        random = random * 1'664'525 + 1'013'904'223;
        return random;
    }
};

struct alignas(64) ThreadState {
    std::uint32_t until_sample = kSampling;  ///< allocations; its thread's alone
    std::uint32_t until_guarded = 1;         ///< the same for the culprit finder
    std::array<SplitCount, kCountKinds> counts{};
    Samples samples;
    std::array<QuarantineQueue, kQuarantineKinds> quarantine{};
    std::uint32_t thread_id = 0;  ///< of its thread, while `held_id` keeps it from being another's; else 0
    void* held_id = nullptr;
    std::atomic<std::uint32_t> taken{0};
    ThreadState* next = nullptr;

    void add(Count kind, std::uint32_t amount = 1) noexcept { counts[static_cast<std::size_t>(kind)].add(amount); }
    /// Counts an allocation of `size` bytes, and now and then what it was. `caller`: where the game's front door was
    /// called from.
    void add_block(Count kind, std::uint32_t size, const void* caller = nullptr) noexcept {
        add(kind);
        if (--until_sample == 0) [[unlikely]] {
            take_sample(kind, size, caller);
        }
    }

private:
    MP_NOINLINE void take_sample(Count kind, std::uint32_t size, const void* caller) noexcept;
};

namespace detail {

extern thread_local constinit ThreadState* t_state;

/// Gives the calling thread a state; never fails (a shared one serves when memory is out, and threads that have ended:
/// it may lose counts, and holds nothing back).
ThreadState& claim_thread_state() noexcept;

/// The state that serves threads without one.
bool is_shared(const ThreadState& state) noexcept;

/// First of all states, the shared one excepted; those that ended threads left included.
const ThreadState* first_state() noexcept;
const ThreadState& shared_state() noexcept;

}  // namespace detail

/// The calling thread's.
inline ThreadState& thread_state() noexcept {
    ThreadState* const state = detail::t_state;
    if (state == nullptr) [[unlikely]] {
        return detail::claim_thread_state();
    }
    return *state;
}

/// True after `end_thread_state`. Other modules still allocate and free then: those that end after ours.
inline bool thread_has_ended() noexcept {
    return detail::t_state != nullptr && detail::is_shared(*detail::t_state);
}

/// True when the calling thread has a state of its own already.
inline bool has_thread_state() noexcept {
    return detail::t_state != nullptr && !thread_has_ended();
}

/// Hands the calling thread's state on; with the blocks that wait in it; call when a thread ends. From then on the
/// thread uses the shared state: what it claimed now, nobody would ever take back.
void end_thread_state() noexcept;

}  // namespace mp::replace
