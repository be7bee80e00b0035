// Tail of a MemoryHeap: commit more, decommit (pattern 7). Engine contract A.13, A.14.
//
// The caller adds what the commit returns to its committed size and subtracts what the decommit returns, so larger
// steps and "nothing dropped" are both within the contract: fewer kernel calls, and no thrash around a step's edge.
//
// Threads: called under the heap's critical section.
#include <algorithm>
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/heap_memory.h"
#include "replace/hook.h"
#include "replace/kernel_calls.h"
#include "replace/policy.h"
#include "replace/pressure.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryHeap;

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
    const std::uint32_t generous = std::min(std::max<std::uint32_t>(exact, policy::kStep * os::kGranule), room);
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

}  // namespace

void hooks_of::heap_tail(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kDecommitTail, &decommit_tail);
    hook(hooks, fn::kCommitTail, &commit_more);
}

}  // namespace mp::replace
