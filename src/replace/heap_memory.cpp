#include "replace/heap_memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "os/os.h"
#include "replace/game_section.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryHeap;

constexpr std::uint32_t kGranule = os::kGranule;
constexpr std::uint32_t kLeastTaken = 0x00100000;  // less is left to the heap
constexpr std::size_t kMostHeaps = 4;

struct Taken {
    Addr base = 0;
    std::uint32_t block = 0;  ///< bytes of the block, its header included
};
constinit std::array<Taken, kMostHeaps> g_taken{};
constinit std::atomic<std::size_t> g_count{0};

const Taken* find(Addr base) noexcept {
    const std::span taken = std::span(g_taken).first(g_count.load(std::memory_order_acquire));
    const auto found = std::ranges::find(taken, base, &Taken::base);
    return found != taken.end() ? &*found : nullptr;
}

constexpr Addr up(Addr address) noexcept {
    return (address + kGranule - 1) & ~(kGranule - 1);
}
constexpr Addr down(Addr address) noexcept {
    return address & ~(kGranule - 1);
}

/// [begin, end) lies in the reservation that starts at `base`, in one state.
bool is_all(Addr begin, Addr end, Addr base, os::PageState state) noexcept {
    os::RegionInfo region;
    return os::query(game::at<void>(begin), &region) && region.state == state && region.allocation_base == base &&
           region.base + region.size >= end;
}

/// What a MemoryHeap looks like once it is built (B.5).
bool is_built(const MemoryHeap& heap) noexcept {
    return heap.destroyed == 0 && heap.base != 0 && heap.base % kGranule == 0 && heap.committed % kGranule == 0 &&
           heap.reserve % kGranule == 0 && heap.end <= heap.committed && heap.committed <= heap.reserve &&
           heap.reserve <= 0U - heap.base;
}

struct Range {
    Addr begin = 0;
    Addr end = 0;
    [[nodiscard]] std::uint32_t size() const noexcept { return begin < end ? end - begin : 0; }
};

/// The whole granules of a block that takes the committed rest of the heap; `block`: its bytes.
Range take_committed_rest(MemoryHeap& heap, std::uint32_t* block) noexcept {
    const std::uint32_t rest = heap.committed - heap.end;
    if (rest < kLeastTaken) {
        return {};
    }
    const std::uint32_t bytes = rest - game::kHeapHeaderSize;
    const Addr begin = game::addr_of(allocate_from_original(heap, bytes));
    if (begin == 0) {
        return {};
    }
    *block = bytes + game::kHeapHeaderSize;
    const Range whole{.begin = up(begin), .end = down(begin + bytes)};
    return is_all(whole.begin, whole.end, heap.base, os::PageState::committed) ? whole : Range{};
}

/// From here on the heap commits nothing more: commit_more answers that there is nothing.
Range take_tail(const MemoryHeap& heap) noexcept {
    const Range tail{.begin = heap.base + heap.committed, .end = heap.base + heap.reserve};
    const bool is_untouched =
        tail.size() >= kLeastTaken && is_all(tail.begin, tail.end, heap.base, os::PageState::reserved);
    return is_untouched ? tail : Range{};
}

bool adopt(Range range, std::uint32_t committed) noexcept {
    return range.size() != 0 && mp_adopt(game::at<void>(range.begin), range.size(), committed) != 0;
}

HeapMemory take(MemoryHeap& heap) noexcept {
    const GameSection section(heap.lock);
    const std::size_t count = g_count.load(std::memory_order_relaxed);
    if (count == kMostHeaps || !is_built(heap) || is_taken(heap.base)) {
        return {};
    }
    std::uint32_t block = 0;
    const Range rest = take_committed_rest(heap, &block);
    const Range tail = take_tail(heap);
    if (rest.size() == 0 && tail.size() == 0) {
        return {};
    }
    g_taken[count] = {.base = heap.base, .block = block};
    g_count.store(count + 1, std::memory_order_release);
    HeapMemory sum;
    if (adopt(rest, rest.size())) {
        sum = {.reserved = rest.size(), .committed = rest.size()};
    }
    sum.reserved += adopt(tail, 0) ? tail.size() : 0;
    return sum;
}

}  // namespace

HeapMemory take_heap_memory(const patch::Hooks& hooks) noexcept {
    using enum game::Group;
    HeapMemory sum;
    if (!hooks.stands(heap_blocks) || !hooks.stands(heap_tail) || !hooks.stands(heap_backing)) {
        return sum;
    }
    const auto* manager = game::at<game::MemoryManager>(game::data::kMemoryManager);
    for (const Addr address : manager->heap_by_context) {
        auto* const heap = game::at<MemoryHeap>(address);
        if (heap == nullptr || heap->vtable != game::data::kMemoryHeapVtable) {
            continue;
        }
        const HeapMemory taken = take(*heap);
        sum.reserved += taken.reserved;
        sum.committed += taken.committed;
    }
    return sum;
}

bool is_taken(Addr base) noexcept {
    return find(base) != nullptr;
}

std::uint32_t taken_of(const MemoryHeap& heap) noexcept {
    const Taken* const taken = find(heap.base);
    return taken != nullptr ? taken->block : 0;
}

bool has_heap_memory() noexcept {
    return g_count.load(std::memory_order_acquire) != 0;
}

}  // namespace mp::replace
