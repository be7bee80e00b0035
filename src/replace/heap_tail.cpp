// Tail of a MemoryHeap: commit more, decommit (pattern 7). Engine contract A.13, A.14.
//
// The caller adds what the commit returns to its committed size and subtracts what the decommit returns, so larger
// steps and "nothing dropped" are both within the contract: fewer kernel calls, and no thrash around a step's edge.
//
// Threads: called under the heap's critical section.
#include <algorithm>
#include <array>
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/heap_memory.h"
#include "replace/pressure.h"
#include "replace/subsystem.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryHeap;

constexpr std::uint32_t kStep = 0x00100000;  // bytes committed at once where the reservation has room

/// Bytes that the original would commit: always at least one whole extra step.
std::uint32_t original_amount(const MemoryHeap& heap, std::uint32_t wanted) noexcept {
    return (wanted + heap.granularity) & ~(heap.granularity - 1);
}

std::uint32_t MP_FASTCALL commit_more(const MemoryHeap* heap, Unused /*edx*/, Addr base, std::uint32_t committed,
                                      std::uint32_t wanted) noexcept {
    count(Count::heap_tail_requests);
    count(Count::original_kernel_calls);
    if (is_taken(base)) {
        return 0;
    }
    const std::uint32_t exact = original_amount(*heap, wanted);
    const std::uint32_t room = heap->reserve > committed ? (heap->reserve - committed) & ~(heap->granularity - 1) : 0;
    const std::uint32_t generous = std::min(std::max(exact, kStep), room);
    if (generous > exact && kernel::commit(game::at<void>(base + committed), generous)) {
        return generous;
    }
    if (kernel::commit(game::at<void>(base + committed), exact)) {
        return exact;
    }
    note_refusal();
    return 0;
}

std::uint32_t MP_FASTCALL decommit_tail(const MemoryHeap* heap, Unused /*edx*/, Addr base, std::uint32_t committed,
                                        std::uint32_t drop) noexcept {
    count(Count::heap_tail_requests);
    const std::uint32_t whole = drop & ~(heap->granularity - 1);
    if (whole < heap->granularity) {
        return 0;
    }
    count(Count::original_kernel_calls);
    if (is_taken(base) || !memory_is_scarce()) {
        return 0;
    }
    return kernel::decommit(game::at<void>(base + committed - whole), whole) ? whole : 0;
}

constinit std::array<patch::Hook, 2> g_hooks{{
    {&game::site(0x00AA7AB0), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00AA7A50), nullptr, nullptr, patch::Role::producer},
}};

}  // namespace

Subsystem heap_tail() noexcept {
    g_hooks[0].replacement = code(&decommit_tail);
    g_hooks[1].replacement = code(&commit_more);
    return {game::Group::heap_tail, g_hooks, {}, nullptr};
}

}  // namespace mp::replace
