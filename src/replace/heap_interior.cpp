// Decommit inside a free heap block (pattern 8). Engine contract A.15: no caller in the shipped game.
//
// The block stays committed and its flag is never set, so the two paths of the original that would commit it again are
// never taken.
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "replace/counters.h"
#include "replace/hook.h"

namespace mp::replace {

namespace {

using game::Addr;

/// True when the original would have decommitted: at least one whole step lies inside the payload.
bool original_would_decommit(const game::MemoryHeap& heap, Addr block) noexcept {
    const std::uint32_t size = game::at<game::HeapBlock>(block)->size_and_flags & game::HeapBlock::kSizeMask;
    if (size < heap.granularity) {
        return false;
    }
    const Addr payload = block + game::kHeapHeaderSize;
    const Addr start = (payload + heap.granularity - 1) & ~(heap.granularity - 1);
    const std::uint32_t skipped = start - payload;
    return size > skipped && ((size - skipped) & ~(heap.granularity - 1)) >= heap.granularity;
}

void MP_FASTCALL decommit_interior(const game::MemoryHeap* heap, Unused /*edx*/, Addr block) noexcept {
    count(Count::heap_interior_requests);
    if (original_would_decommit(*heap, block)) {
        count(Count::original_kernel_calls);
    }
}

}  // namespace

void hooks_of::heap_interior(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kDecommitInterior, &decommit_interior);
}

}  // namespace mp::replace
