// Scrap heaps: the stack allocators of threads and subsystems. Engine contract B.8, group G3.
//
// The 16-byte objects keep their layout and meaning (base, cursor, end, last block), because other plugins look at
// them, and blocks keep their 8-byte header. What changes: the buffer is taken with the first block instead of at once
// and is 2 MB of address space instead of 8; what was committed stays committed; requests that do not fit, whatever
// their size, come from the general allocator instead of failing or hanging.
//
// Threads: most scrap heaps belong to one thread, but not all, and nothing tells which. So each call takes a spin lock:
// a thread's own heap has its own, heaps inside objects of the game share a few. It is held for a handful of
// instructions (a growing stack commits under it) and never across a call of the game.
#include "replace/scrap_heaps.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/compiler.h"
#include "os/os.h"
#include "os/process.h"
#include "replace/counters.h"
#include "replace/hook.h"
#include "replace/kernel_calls.h"
#include "replace/original_calls.h"
#include "replace/pressure.h"
#include "replace/scrap_buffers.h"
#include "replace/thread_state.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::ScrapBlock;
using game::ScrapHeap;

constexpr std::uint32_t kHeaderSize = sizeof(ScrapBlock);
/// Headroom in front of a block that does not fit the stack: room for its header, alignment kept.
constexpr std::uint32_t kOverflowHeadroom = 16;

// --- locks ---------------------------------------------------------------------------------------------------------

/// A lock holds the id of the thread inside, so that it can be taken from a holder that was terminated.
using Holder = std::atomic<std::uint32_t>;

/// The heap of a thread, with a lock of its own beside the 16 bytes that others know: threads never meet on it unless
/// they share the heap.
struct alignas(64) ThreadHeap {
    ScrapHeap heap;
    Holder holder;
    ThreadHeap* next_free;
};

/// Where thread heaps live: one granule, never given back, so that an address tells whether a lock stands beside it.
constexpr std::size_t kThreadHeaps = os::kGranule / sizeof(ThreadHeap);
constinit std::atomic<ThreadHeap*> g_thread_heaps{nullptr};

/// For heaps that are part of an object of the game: a lock of its own cache line, shared by few.
struct alignas(64) Stripe {
    Holder holder{0};
};
constexpr std::uint32_t kStripeBits = 6;
constinit std::array<Stripe, std::size_t{1} << kStripeBits> g_stripes;

bool is_thread_heap(const ScrapHeap* heap) noexcept {
    const Addr first = game::addr_of(g_thread_heaps.load(std::memory_order_relaxed));
    return first != 0 && game::addr_of(heap) - first < os::kGranule;
}

Holder& holder_for(ScrapHeap* heap) noexcept {
    if (is_thread_heap(heap)) [[likely]] {
        return reinterpret_cast<ThreadHeap*>(heap)->holder;
    }
    constexpr std::uint32_t kSpread = 0x9E3779B1;
    return g_stripes[game::addr_of(heap) * kSpread >> (32 - kStripeBits)].holder;
}

class HeapLock {
public:
    explicit HeapLock(ScrapHeap* heap) noexcept : holder_(holder_for(heap)), self_(own_id()) {
        std::uint32_t free = 0;
        if (!holder_.compare_exchange_strong(free, self_, std::memory_order_acquire)) [[unlikely]] {
            wait();
        }
    }
    ~HeapLock() { holder_.store(0, std::memory_order_release); }
    HeapLock(const HeapLock&) = delete;
    HeapLock& operator=(const HeapLock&) = delete;

private:
    static constexpr std::uint32_t kYields = 64;
    static constexpr std::uint32_t kWaitsBeforeDoubt = 50;  ///< milliseconds, about

    /// Of a thread with a state of its own no other thread has the id, even after it was terminated: `wait` takes no
    /// living thread for a dead holder's successor.
    static std::uint32_t own_id() noexcept {
        const std::uint32_t id = thread_state().thread_id;
        return id != 0 ? id : os::current_thread_id();
    }

    /// A holder that dies leaves the heap usable (as_written below). When the process ends, every holder is dead.
    MP_NOINLINE void wait() noexcept {
        for (std::uint32_t tries = 0;; ++tries) {
            std::uint32_t seen = 0;
            if (holder_.compare_exchange_strong(seen, self_, std::memory_order_acquire) || os::process_ends()) {
                return;
            }
            if (tries < kYields) {
                os::yield_thread();
                continue;
            }
            os::sleep_ms(1);
            if ((tries - kYields) % kWaitsBeforeDoubt == kWaitsBeforeDoubt - 1 && os::thread_has_ended(seen) &&
                holder_.compare_exchange_strong(seen, self_, std::memory_order_acquire)) {
                return;
            }
        }
    }

    Holder& holder_;
    std::uint32_t self_;
};

// --- blocks --------------------------------------------------------------------------------------------------------

ScrapBlock* header_of(Addr user) noexcept {
    return game::at<ScrapBlock>(user - kHeaderSize);
}

Addr aligned(Addr user, std::uint32_t alignment) noexcept {
    if (alignment <= 1 || (alignment & (alignment - 1)) != 0) {
        return user;
    }
    return (user + alignment - 1) & ~(alignment - 1);
}

/// Keeps the order of the stores around it. A thread may be terminated between any two of them: the cursor then stands
/// too high, never too low, and no block is its own predecessor.
void as_written() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// A block on the stack, or 0 when it does not fit. Lock held.
Addr push(ScrapHeap& heap, std::uint32_t size, std::uint32_t alignment) noexcept {
    if (heap.base == 0) {
        return 0;
    }
    const Addr user = aligned(heap.cursor + kHeaderSize, alignment);
    if (user >= heap.end || size >= heap.end - user) {  // strict, as the original: a stack is never quite full
        return 0;
    }
    *header_of(user) = {.size_and_freed = size, .previous = heap.last};
    heap.cursor = user + size;
    as_written();
    heap.last = user - kHeaderSize;
    original::scrap_pushed(heap.base, heap.cursor);
    return user;
}

/// Marks a block as freed and takes all freed blocks off the top. Lock held.
void pop(ScrapHeap& heap, Addr user) noexcept {
    header_of(user)->size_and_freed |= ScrapBlock::kFreed;
    Addr last = heap.last;
    while (last != 0 && (game::at<ScrapBlock>(last)->size_and_freed & ScrapBlock::kFreed) != 0) {
        last = game::at<ScrapBlock>(last)->previous;
    }
    heap.last = last;
    as_written();
    heap.cursor = last != 0 ? last + kHeaderSize + game::at<ScrapBlock>(last)->size_and_freed : heap.base;
    original::scrap_popped(heap.base, heap.cursor);
}

void give_back_stack(Addr base) noexcept {
    original::scrap_stack_returned(base);
    return_scrap_stack(base);
}

/// Gives an empty heap its stack.
void take_stack(ScrapHeap* heap) noexcept {
    const ScrapStack stack = take_scrap_stack();
    if (stack.base == 0) {
        return;
    }
    original::scrap_stack_taken(stack.base);
    bool used = false;
    {
        const HeapLock lock(heap);
        if (heap->base == 0) {
            *heap = {.base = stack.base, .cursor = stack.base, .end = stack.base + stack.committed, .last = 0};
            used = true;
        }
    }
    if (!used) {
        give_back_stack(stack.base);  // another thread was faster
    }
}

/// Commits more of a heap's stack and pushes; 0 when the block does not fit. Lock held; the one kernel call under it.
Addr grow_and_push(ScrapHeap& heap, std::uint32_t size, std::uint32_t alignment) noexcept {
    if (heap.base == 0) {
        return 0;
    }
    const std::uint64_t wanted = std::uint64_t{heap.cursor} - heap.base + kHeaderSize + alignment + size +
                                 1;  // one spare byte: "strictly below"
    if (wanted > game::kScrapReserve) {
        return 0;
    }
    const std::uint32_t committed = grow_scrap_stack(heap.base, static_cast<std::uint32_t>(wanted));
    if (committed == 0) {
        return 0;
    }
    heap.end = heap.base + committed;
    return push(heap, size, alignment);
}

/// A block of the general allocator that looks like one of the stack: its header stands in front of it. Below the
/// original's limit it is never NULL: callers write through it at once (engine contract B.8).
MP_NOINLINE void* push_overflow(std::uint32_t size, std::uint32_t alignment) noexcept {
    const std::uint32_t wanted = std::max<std::uint32_t>(alignment, kOverflowHeadroom);
    if (size > 0x7FFFFFFFU - wanted || wanted > os::kGranule) {
        return nullptr;
    }
    auto* memory = static_cast<std::uint8_t*>(mp_aligned_alloc(wanted, size + wanted));
    if (memory == nullptr && size < game::kScrapReserve) {
        memory = static_cast<std::uint8_t*>(allocate_from_reserve_or_run_protocol(wanted, size + wanted));
    }
    if (memory == nullptr) {
        return nullptr;  // only where the original answers NULL too
    }
    const Addr user = game::addr_of(memory) + wanted;
    *header_of(user) = {.size_and_freed = size, .previous = game::addr_of(memory)};
    return game::at<void>(user);
}

MP_NOINLINE void* push_slow(ScrapHeap* heap, std::uint32_t size, std::uint32_t alignment) noexcept {
    if (heap->base == 0) {
        take_stack(heap);
    }
    Addr user = 0;
    {
        const HeapLock lock(heap);
        user = push(*heap, size, alignment);
        if (user == 0) {
            user = grow_and_push(*heap, size, alignment);
        }
    }
    return user != 0 ? game::at<void>(user) : push_overflow(size, alignment);
}

bool is_on_stack(const ScrapHeap& heap, Addr user) noexcept {
    return user - heap.base < heap.end - heap.base;
}

// --- the methods ---------------------------------------------------------------------------------------------------

ScrapHeap* MP_FASTCALL init(ScrapHeap* heap, Unused /*edx*/) noexcept {
    count(Count::scrap_heaps_built);
    *heap = {};
    return heap;
}

ScrapHeap* MP_FASTCALL init_sized(ScrapHeap* heap, Unused /*edx*/, std::uint32_t /*size*/) noexcept {
    count(Count::scrap_heaps_built);
    *heap = {};  // a start size is only a wish: the stack is committed as a whole, larger blocks overflow
    return heap;
}

void MP_FASTCALL purge(ScrapHeap* heap, Unused /*edx*/) noexcept {
    Addr base = 0;
    {
        const HeapLock lock(heap);
        base = heap->base;
        *heap = {};
    }
    if (base != 0) {
        give_back_stack(base);
    }
}

void* MP_FASTCALL allocate(ScrapHeap* heap, Unused /*edx*/, std::uint32_t size, std::uint32_t alignment) noexcept {
    Addr user = 0;
    {
        const HeapLock lock(heap);
        user = push(*heap, size, alignment);
    }
    void* block = user != 0 ? game::at<void>(user) : push_slow(heap, size, alignment);
    if (block != nullptr) {
        count_block(Count::scrap_blocks_allocated, size);
    }
    return block;
}

void MP_FASTCALL release(ScrapHeap* heap, Unused /*edx*/, void* block) noexcept {
    const Addr user = game::addr_of(block);
    if (user == 0) {
        return;
    }
    {
        const HeapLock lock(heap);
        if ((header_of(user)->size_and_freed & ScrapBlock::kFreed) != 0) {
            return;
        }
        if (is_on_stack(*heap, user)) {
            pop(*heap, user);
            count(Count::scrap_blocks_freed);
            return;
        }
    }
    if (mp_free(game::at<void>(header_of(user)->previous)) != 0) {
        count(Count::scrap_blocks_freed);
    } else {
        header_of(user)->size_and_freed |= ScrapBlock::kFreed;  // a block of another heap: its own pop drops it
    }
}

// --- the thread's own heap -----------------------------------------------------------------------------------------

thread_local constinit ScrapHeap* t_scrap_heap = nullptr;

constinit os::ColdLock g_thread_heaps_lock;
constinit ThreadHeap* g_free_thread_heap = nullptr;

/// Makes the granule's worth of thread heaps. Lock held.
bool add_thread_heaps() noexcept {
    auto* heaps =
        static_cast<ThreadHeap*>(g_thread_heaps.load() == nullptr ? kernel::reserve_commit(os::kGranule) : nullptr);
    if (heaps == nullptr) {
        return false;
    }
    for (std::size_t i = 0; i + 1 < kThreadHeaps; ++i) {
        heaps[i].next_free = &heaps[i + 1];
    }
    g_free_thread_heap = heaps;
    g_thread_heaps.store(heaps, std::memory_order_release);
    return true;
}

/// nullptr when a thousand threads have one, there is no memory, or a thread died over the list.
ScrapHeap* take_thread_heap() noexcept {
    const os::ColdLockGuard guard(g_thread_heaps_lock);
    if (!g_thread_heaps_lock.intact() || (g_free_thread_heap == nullptr && !add_thread_heaps())) {
        return nullptr;
    }
    ThreadHeap* taken = g_free_thread_heap;
    g_free_thread_heap = taken->next_free;
    taken->holder.store(0, std::memory_order_relaxed);
    return &taken->heap;
}

void return_thread_heap(ScrapHeap* heap) noexcept {
    if (!is_thread_heap(heap)) {
        mp_free(heap);
        return;
    }
    const os::ColdLockGuard guard(g_thread_heaps_lock);
    if (!g_thread_heaps_lock.intact()) {
        return;
    }
    auto* returned = reinterpret_cast<ThreadHeap*>(heap);
    returned->next_free = g_free_thread_heap;
    g_free_thread_heap = returned;
}

/// Serves all threads that have ended, which take it in turns: what is theirs alone would stay for good.
constinit ScrapHeap g_late_heap{};

/// Never NULL: the game uses the result at once.
ScrapHeap* make_thread_heap() noexcept {
    if (thread_has_ended()) {
        return &g_late_heap;
    }
    void* memory = take_thread_heap();
    if (memory == nullptr) {
        memory = mp_malloc(sizeof(ScrapHeap));
    }
    if (memory == nullptr) {
        memory = allocate_from_reserve_or_run_protocol(MP_MIN_ALIGNMENT, sizeof(ScrapHeap));
    }
    count(Count::scrap_heaps_built);
    t_scrap_heap = static_cast<ScrapHeap*>(memory);
    *t_scrap_heap = {};
    return t_scrap_heap;
}

ScrapHeap* MP_FASTCALL thread_heap(game::MemoryManager* /*manager*/, Unused /*edx*/) noexcept {
    ScrapHeap* heap = t_scrap_heap;
    return heap != nullptr ? heap : make_thread_heap();
}

}  // namespace

void release_thread_scrap_heap() noexcept {
    if (t_scrap_heap == nullptr) {
        return;
    }
    purge(t_scrap_heap, 0);
    return_thread_heap(t_scrap_heap);
    t_scrap_heap = nullptr;
}

void hooks_of::scrap_heaps(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kScrapFree, &release);
    hook(hooks, fn::kScrapPurge, &purge);
    hook(hooks, fn::kScrapInit, &init);
    hook(hooks, fn::kScrapInitSized, &init_sized);
    hook(hooks, fn::kScrapAllocate, &allocate);
    // A group of its own: another plugin may own it, and whatever object its getter returns works with the methods
    // above.
    hook(hooks, fn::kThreadScrapHeap, &thread_heap);
}

}  // namespace mp::replace
