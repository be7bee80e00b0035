// Delayed reuse. The game reads objects after it freed them, and frees some a second time (engine contract G.3). A
// block that is freed here, through whichever door, ends its life at once, so that a second free is recognised however
// late it comes; but it waits in a queue of the thread that freed it, in the order of the frees, until as many bytes
// have been freed after it as the queue's budget says. All its bytes but the second word stay until it is handed out
// again.
//
// Three queues a thread. Of the sizes that the game's pools served the original reuses a freed block at once: a short
// queue. Objects of the sizes between the pools came from a heap that reuses its blocks in the order of their frees, so
// they stayed readable for long: theirs is the longer one. Blocks above 4 KB and of up to 64 KB have a third, so that
// one buffer does not push out a thousand objects.
#pragma once

#include <array>
#include <cstdint>

#include "alloc/mp_alloc.h"
#include "game/pools.h"
#include "guard/guarded_blocks.h"
#include "os/compiler.h"
#include "replace/block_sizes.h"
#include "replace/policy.h"
#include "replace/thread_state.h"

namespace mp::replace {

/// Sets the budget of each of a thread's queues in KB, at most policy::kLargestQuarantine; 0 = nothing waits. Before
/// the first use or at any later time: a thread's queues change with its next free.
void set_quarantine(std::uint32_t kilobytes) noexcept;
std::uint32_t quarantine_kilobytes() noexcept;

/// Makes everything ready for reuse that the calling thread holds back: the last resort of a thread without memory.
void flush_quarantine() noexcept;

namespace detail {

/// What a freed block holds in its second word, where objects have their count of references (engine contract G.3):
/// no small number, and as a pointer one to words of ours that point to themselves, so that late readers get on.
struct FreedWords {
    const void* words[64];
    constexpr FreedWords() noexcept : words{} {
        for (const void*& word : words) {
            word = this;
        }
    }
};
extern FreedWords g_freed_words;

inline void mark_freed(void* block) noexcept {
    static_cast<const void**>(block)[1] = &g_freed_words;
}

/// Raised whenever the budget is set.
extern std::atomic<std::uint32_t> g_quarantine_version;

inline constexpr std::uint32_t kLargestObject = 4096;
inline constexpr std::uint32_t kPoolSizes = 0;
inline constexpr std::uint32_t kHeapSizes = 1;
inline constexpr std::uint32_t kLargerSizes = 2;

/// By the size of a block, in steps: kHeapSizes when the game's heaps served some blocks of this size.
inline constexpr auto kKinds = [] {
    std::array<std::uint8_t, kLargestObject / kSizeStep + 1> kinds{};
    for (std::uint32_t size = kSizeStep; size <= kLargestObject; size += kSizeStep) {
        each_request(size, [&kinds, size](std::uint32_t request) {
            if (!game::served_by_pool(request)) {
                kinds[size / kSizeStep] = kHeapSizes;
            }
        });
    }
    return kinds;
}();

inline std::uint32_t kind_of(std::uint32_t size) noexcept {
    return size > kLargestObject ? kLargerSizes : kKinds[size / kSizeStep];
}

/// Frees the block that has waited longest.
void reuse_oldest(QuarantineQueue& queue) noexcept;

/// The rest of let_wait: a queue that does not follow the setting yet, or a state that several threads share.
MP_NOINLINE void let_wait_slowly(ThreadState& state, void* block, std::uint32_t size) noexcept;

inline void push(QuarantineQueue& queue, void* block, std::uint32_t size) noexcept {
    const std::uint32_t slot = queue.first + queue.count;
    queue.slots[slot < queue.length ? slot : slot - queue.length] = block;
    ++queue.count;
    queue.bytes += size;
}

inline bool has_room(const QuarantineQueue& queue, std::uint32_t size) noexcept {
    return queue.count < queue.length && queue.bytes + size <= queue.budget;
}

/// Lets a block wait that is no larger than the queue's budget: the oldest make room for it.
inline void wait_in(QuarantineQueue& queue, void* block, std::uint32_t size) noexcept {
    while (!has_room(queue, size)) {
        reuse_oldest(queue);
    }
    push(queue, block, size);
}

/// Lets a block wait whose life has ended.
inline void let_wait(ThreadState& state, void* block, std::uint32_t size) noexcept {
    QuarantineQueue& queue = state.quarantine[kind_of(size)];
    if (queue.version != g_quarantine_version.load(std::memory_order_relaxed) || size > queue.budget) [[unlikely]] {
        let_wait_slowly(state, block, size);
        return;
    }
    wait_in(queue, block, size);
}

/// A block of more than 64 KB, which does not wait.
MP_NOINLINE bool free_large_block(void* block) noexcept;

/// No memory is there. Asks the system.
MP_NOINLINE bool is_nobodys(const void* address) noexcept;

}  // namespace detail

/// Frees a block of ours. False when no live block of ours starts there: nothing has happened then.
MP_ALWAYS_INLINE bool free_block(void* block) noexcept {
    const auto size = static_cast<std::uint32_t>(mp_end_life(block));
    if (size == 0) [[unlikely]] {
        return detail::free_large_block(block);
    }
    detail::mark_freed(block);
    detail::let_wait(thread_state(), block, size);
    return true;
}

/// Whether a pointer leads into memory of ours, guarded blocks' included, or to where memory of ours was and nothing is
/// any more: there even a look in front of it would fault. A few loads; asks the system in the last case alone.
inline bool must_not_reach_original(const void* pointer) noexcept {
    return mp_knows(pointer) != 0 || guard::holds(pointer) ||
           (mp_gave_back(pointer) != 0 && detail::is_nobodys(pointer));
}

/// Bytes of the live block of ours, ordinary or guarded, that starts here; 0 when none does.
inline std::uint32_t size_of_ours(const void* block) noexcept {
    const std::size_t usable = mp_usable_size(block);
    return static_cast<std::uint32_t>(usable != 0 ? usable : guard::size_of(block));
}

}  // namespace mp::replace
