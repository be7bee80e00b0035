// Backing of a MemoryHeap: reserve with first commit, release (pattern 6). Engine contract A.11, A.12.
//
// Runs twice at start-up. A heap whose whole reservation is committed at once needs one kernel call instead of two.
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/heap_memory.h"
#include "replace/hook.h"
#include "replace/kernel_calls.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryHeap;

Addr MP_FASTCALL reserve_backing(MemoryHeap* /*heap*/, Unused /*edx*/, std::uint32_t reserve,
                                 std::uint32_t commit) noexcept {
    count(Count::original_kernel_calls, 2);
    if (commit >= reserve) {
        void* whole = kernel::reserve_commit(reserve);
        if (whole != nullptr) {
            count(Count::backings_reserved);
        }
        return game::addr_of(whole);
    }
    void* base = kernel::reserve(reserve);
    if (base == nullptr) {
        return 0;
    }
    if (!kernel::commit(base, commit)) {
        kernel::release(base, reserve);
        return 0;
    }
    count(Count::backings_reserved);
    return game::addr_of(base);
}

void MP_FASTCALL release_backing(MemoryHeap* heap, Unused /*edx*/, Addr base) noexcept {
    count(Count::original_kernel_calls);
    if (is_taken(base)) {
        return;  // blocks of ours live there, and other modules may still use them
    }
    if (base != 0 && kernel::release(game::at<void>(base), heap->reserve)) {
        count(Count::backings_released);
    }
}

}  // namespace

void hooks_of::heap_backing(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kReleaseBacking, &release_backing);
    hook(hooks, fn::kReserveBacking, &reserve_backing);
}

}  // namespace mp::replace
