// Sample pools of the media player: commit and release of the buffer (pattern 1). Engine contract A.1, A.2.
//
// The object protocol is the library's: base check, one sample object per slot, linked through the allocator. Only the
// block changes hands: it comes from our allocator, granule aligned and cleared. A buffer that VirtualAlloc made is
// still released by VirtualFree.
#include <cstdint>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/game_section.h"
#include "replace/hook.h"
#include "replace/kernel_calls.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MediaAllocator;
using game::MediaSample;

/// Bytes of one sample slot: size and prefix, rounded up to a multiple of the alignment (not only powers of two).
std::uint32_t stride_of(const MediaAllocator& allocator) noexcept {
    std::uint32_t stride = allocator.size + allocator.prefix;
    if (allocator.alignment > 1) {
        const std::uint32_t rest = stride % allocator.alignment;
        if (rest != 0) {
            stride += allocator.alignment - rest;
        }
    }
    return stride;
}

/// A cleared buffer; 0 when there is none. Regions of the system's are granule aligned, and so is this.
Addr make_buffer(std::uint32_t count_of_samples, std::uint32_t stride) noexcept {
    const std::uint64_t bytes = static_cast<std::uint64_t>(count_of_samples) * stride;
    if (bytes == 0 || bytes > 0x7FFF0000U) {
        return 0;
    }
    void* buffer = mp_aligned_alloc(os::kGranule, static_cast<std::size_t>(bytes));
    if (buffer == nullptr) {
        return 0;
    }
    std::memset(buffer, 0, static_cast<std::size_t>(bytes));
    count(Count::media_buffers_allocated);
    return game::addr_of(buffer);
}

/// Makes one sample over `bytes` and links it; false when the object cannot be had or reports an error.
bool add_sample(MediaAllocator& allocator, Addr bytes) noexcept {
    void* memory = fn::kOperatorNew(game::kMediaSampleSize);
    if (memory == nullptr) {
        return false;
    }
    std::int32_t result = game::kHresultOk;
    auto* sample =
        fn::kMediaSampleConstruct(memory, nullptr, &allocator, &result, bytes + allocator.prefix, allocator.size);
    if (sample == nullptr || result < 0) {
        return false;
    }
    sample->next = allocator.free_samples;
    allocator.free_samples = game::addr_of(sample);
    ++allocator.free_count;
    ++allocator.allocated;
    return true;
}

std::int32_t MP_FASTCALL allocate_samples(MediaAllocator* allocator, Unused /*edx*/) noexcept {
    const GameSection lock(allocator->lock);
    const std::int32_t checked = fn::kMediaBaseCheck(allocator);
    if (checked < 0) {
        return checked;
    }
    if (checked == game::kHresultFalse) {
        return game::kHresultOk;
    }  // nothing changed: touch nothing
    if (allocator->buffer != 0) {
        fn::kMediaReallyFree(allocator);
    }
    const std::uint32_t stride = stride_of(*allocator);
    count(Count::original_kernel_calls);
    allocator->buffer = make_buffer(allocator->count, stride);
    if (allocator->buffer == 0) {
        return game::kHresultOutOfMemory;
    }
    for (Addr cursor = allocator->buffer; allocator->allocated < allocator->count; cursor += stride) {
        if (!add_sample(*allocator, cursor)) {
            return game::kHresultOutOfMemory;
        }
    }
    allocator->changed = 0;
    return game::kHresultOk;
}

void destroy_sample(MediaSample* sample) noexcept {
    const Addr destructor = *game::at<Addr>(sample->vtable + game::kMediaSampleDeleteSlot);
    game::call_this<void*>(destructor, sample, std::uint32_t{1});
}

void MP_FASTCALL really_free(MediaAllocator* allocator, Unused /*edx*/) noexcept {
    while (allocator->free_samples != 0) {
        auto* sample = game::at<MediaSample>(allocator->free_samples);
        allocator->free_samples = sample->next;
        --allocator->free_count;
        destroy_sample(sample);
    }
    allocator->allocated = 0;
    if (allocator->buffer == 0) {
        return;
    }
    count(Count::original_kernel_calls);
    if (mp_free(game::at<void>(allocator->buffer)) != 0) {
        count(Count::media_buffers_freed);
    } else {
        kernel::release(game::at<void>(allocator->buffer), 0);
    }
    allocator->buffer = 0;
}

}  // namespace

void hooks_of::media_samples(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kMediaReallyFree, &really_free);
    hook(hooks, fn::kMediaAllocate, &allocate_samples);
}

}  // namespace mp::replace
