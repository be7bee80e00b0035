// The ten heap entries of the game's static C runtime. Engine contract B.9, group G2.
//
// The runtime's own heap stays: it holds what was allocated before us, by other plugins too, and helps out when our
// allocator is out of memory. A pointer that is not ours always goes to the trampoline of the entry it came through, so
// nothing can recurse.
//
// Refusals are the original's to answer: it sets errno, asks the new-handler and the invalid-parameter handler, and
// ends the process where it must (engine contract G.1). Not before the runtime has its heap: what the original would
// end the process for is then answered with NULL.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "alloc/span_layout.h"
#include "game/addresses.h"
#include "game/call.h"
#include "os/compiler.h"
#include "replace/counters.h"
#include "replace/diagnosis.h"
#include "replace/hook.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"

namespace mp::replace {

namespace {

constexpr std::uint32_t kLargestRequest = 0xFFFFFFE0;  // above it the runtime fails at once

// The originals, by their entries.
constinit decltype(fn::kCrtMalloc)::Original g_malloc;
constinit decltype(fn::kCrtMallocCrt)::Original g_malloc_crt;
constinit decltype(fn::kCrtCalloc)::Original g_calloc;
constinit decltype(fn::kCrtCallocCrt)::Original g_calloc_crt;
constinit decltype(fn::kCrtRealloc)::Original g_realloc;
constinit decltype(fn::kCrtReallocCrt)::Original g_realloc_crt;
constinit decltype(fn::kCrtRecalloc)::Original g_recalloc;
constinit decltype(fn::kCrtRecallocCrt)::Original g_recalloc_crt;
constinit decltype(fn::kCrtMsize)::Original g_msize;
constinit decltype(fn::kCrtFree)::Original g_free;

/// What the original's entry answers to a request that we refuse; NULL as long as the runtime has no heap: malloc would
/// end the process, and errno belongs to a table that does not exist yet (engine contract G.1, part C).
template <typename Original, typename... Arguments>
void* refused(const Original& original, Arguments... arguments) noexcept {
    const bool runtime_has_heap = *game::at<void*>(game::data::kCrtHeap) != nullptr;
    return runtime_has_heap ? original(arguments...) : nullptr;
}

/// Clears what lies behind the `size` bytes that were asked for. A later recalloc clears from the size it measures, and
/// what we tell as a block's size is more than was asked for (engine contract B.9).
void clear_rest(void* block, std::uint32_t size) noexcept {
    const std::size_t usable = mp_usable_size(block);
    std::memset(static_cast<std::uint8_t*>(block) + size, 0, usable - size);
}

/// The same for a fresh block, whose contents do not matter yet: in a small one the rest is within the last 16 bytes.
void clear_fresh_rest(void* block, std::uint32_t size) noexcept {
    constexpr std::uint32_t kTail = 16;
    const std::uint32_t size_class = mp_span_block_size(block);
    const std::uint32_t tail = std::min(size_class, kTail);
    if (size_class != 0 && size_class - size <= tail) [[likely]] {
        std::memset(static_cast<std::uint8_t*>(block) + size_class - tail, 0, tail);
    } else {
        clear_rest(block, size);
    }
}

/// What is left after our caches were given back in vain: inside a stage of the game's out-of-memory handler the
/// reserve.
MP_NOINLINE void* under_pressure(std::uint32_t size) noexcept {
    report_refusal(size);
    return OutOfMemoryProtocol::is_inside_stage() ? allocate_from_reserve(size) : nullptr;
}

/// Our block, or NULL: our caches have then been given back.
MP_ALWAYS_INLINE void* allocate_ours(std::uint32_t size) noexcept {
    if (size > kLargestRequest) {
        return nullptr;
    }
    void* block = mp_malloc(size);
    if (block == nullptr) [[unlikely]] {
        block = under_pressure(size);
    }
    if (block != nullptr) [[likely]] {
        count_block(Count::crt_blocks_allocated, size);
    }
    return block;
}

/// The same, cleared to its very end, so that a later recalloc that grows inside the block finds zeros. Pages fresh
/// from the system are not cleared again.
void* allocate_cleared(std::uint32_t amount, std::uint32_t size) noexcept {
    const std::uint64_t product = std::uint64_t{amount} * size;
    if (product > kLargestRequest) {
        return nullptr;
    }
    const auto total = static_cast<std::uint32_t>(product);
    void* block = mp_calloc(1, total);
    if (block == nullptr) [[unlikely]] {
        block = under_pressure(total);
        if (block != nullptr) {
            std::memset(block, 0, total);
        }
    }
    if (block != nullptr) [[likely]] {
        count_block(Count::crt_blocks_allocated, total);
        clear_fresh_rest(block, total);
    }
    return block;
}

bool free_ours(void* block) noexcept {
    if (!free_block(block)) [[unlikely]] {
        return false;
    }
    count(Count::crt_blocks_freed);
    return true;
}

// --- guarded blocks (diagnosis.h) ----------------------------------------------------------------------------------

/// A guarded block when it is one's turn; nullptr without the culprit finder, too.
template <bool kGuards>
MP_ALWAYS_INLINE void* guarded(std::uint32_t size, const void* caller) noexcept {
    if constexpr (kGuards) {
        return guarded_in_turn(Door::crt_heap, size, caller, MP_FRAME_ADDRESS());
    }
    return nullptr;
}

// --- allocating ----------------------------------------------------------------------------------------------------

template <const auto& kOriginal, bool kGuards>
void* MP_CDECL allocate(std::uint32_t size) noexcept {
    if (void* block = guarded<kGuards>(size, MP_RETURN_ADDRESS()); block != nullptr) {
        return block;
    }
    void* block = allocate_ours(size);
    if (block == nullptr) [[unlikely]] {
        return refused(kOriginal, size);
    }
    clear_fresh_rest(block, size);
    return block;
}

template <const auto& kOriginal, bool kGuards>
void* MP_CDECL allocate_zeroed(std::uint32_t amount, std::uint32_t size) noexcept {
    if (const std::uint64_t product = std::uint64_t{amount} * size; product <= guard::kLargest) {
        void* block = guarded<kGuards>(static_cast<std::uint32_t>(product), MP_RETURN_ADDRESS());
        if (block != nullptr) {
            return block;
        }
    }
    void* block = allocate_cleared(amount, size);
    return block != nullptr ? block : refused(kOriginal, amount, size);
}

// --- resizing ------------------------------------------------------------------------------------------------------

/// A block of the runtime's own heap with the contents of one of ours, which is freed; NULL leaves it live and errno at
/// ENOMEM.
void* move_to_runtime(void* block, std::uint32_t size) noexcept {
    report_refusal(size);
    void* fresh = refused(g_malloc, size);
    if (fresh != nullptr) {
        std::memcpy(fresh, block, std::min<std::size_t>(mp_usable_size(block), size));
        free_ours(block);
    }
    return fresh;
}

/// A block of ours in place or, when it must move, in a new one; NULL when memory is out: nothing has changed then.
void* resize_in_ours(void* block, std::uint32_t size) noexcept {
    if (mp_resize_in_place(block, size) != 0) {
        return block;
    }
    const std::size_t usable = mp_usable_size(block);
    void* fresh = mp_malloc(size);
    if (fresh == nullptr) [[unlikely]] {
        return size <= usable ? block : nullptr;
    }
    std::memcpy(fresh, block, std::min<std::size_t>(usable, size));
    free_block(block);
    return fresh;
}

/// Resizes a block of ours, in the runtime's own heap when ours is out of memory. A size above the limit is the
/// original malloc's to refuse: it asks the new-handler, as the original realloc would.
void* resize_ours(void* block, std::uint32_t size) noexcept {
    if (size > kLargestRequest) {
        return refused(g_malloc, size);
    }
    void* resized = resize_in_ours(block, size);
    if (resized == nullptr) [[unlikely]] {
        return move_to_runtime(block, size);
    }
    clear_rest(resized, size);
    return resized;
}

/// A pointer that is no live block of the allocator's: a guarded block moves into an ordinary one, cleared behind what
/// it held; inside memory of ours it is the caller's error. False: it is the original's.
MP_NOINLINE bool resize_other(void* block, std::uint64_t size, const void* caller, void*& resized) noexcept {
    resized = nullptr;
    const std::size_t before = guard::size_of(block);
    if (before == 0) {
        return refuse_invalid(Door::crt_heap, guard::Kind::unknown_resize, block, caller);
    }
    if (size > kLargestRequest) {
        resized = refused(g_malloc, kLargestRequest + 1);
        return true;
    }
    const auto total = static_cast<std::uint32_t>(size);
    if (total != 0) {
        resized = allocate_ours(total);
        const std::size_t usable = resized != nullptr ? mp_usable_size(resized) : total;
        resized = resized != nullptr ? resized : refused(g_malloc, total);
        if (resized == nullptr) {
            return true;
        }
        std::memset(resized, 0, usable);
        std::memcpy(resized, block, std::min<std::size_t>(before, total));
    }
    free_other(Door::crt_heap, block, caller);
    return true;
}

template <const auto& kOriginal>
void* MP_CDECL resize(void* block, std::uint32_t size) noexcept {
    if (block == nullptr) {
        void* fresh = allocate_ours(size);
        if (fresh == nullptr) [[unlikely]] {
            return refused(kOriginal, nullptr, size);
        }
        clear_fresh_rest(fresh, size);
        return fresh;
    }
    if (mp_usable_size(block) == 0) {
        void* resized = nullptr;
        return resize_other(block, size, MP_RETURN_ADDRESS(), resized) ? resized : kOriginal(block, size);
    }
    if (size == 0) {
        free_ours(block);
        return nullptr;
    }
    return resize_ours(block, size);
}

template <const auto& kOriginal>
void* MP_CDECL resize_zeroed(void* block, std::uint32_t amount, std::uint32_t size) noexcept {
    if (block == nullptr) {
        void* fresh = allocate_cleared(amount, size);
        return fresh != nullptr ? fresh : refused(kOriginal, nullptr, amount, size);
    }
    const std::uint64_t product = std::uint64_t{amount} * size;
    const std::size_t before = mp_usable_size(block);
    if (before == 0) {
        void* resized = nullptr;
        return resize_other(block, product, MP_RETURN_ADDRESS(), resized) ? resized : kOriginal(block, amount, size);
    }
    if (product == 0) {
        free_ours(block);
        return nullptr;
    }
    if (product > kLargestRequest) {  // refused before the block is looked at
        return refused(kOriginal, block, amount, size);
    }
    const auto total = static_cast<std::uint32_t>(product);
    void* resized = resize_ours(block, total);
    if (resized != nullptr) {
        // The runtime's own heap, where the block may be now, holds no more than was asked for.
        if (const std::size_t after = std::max<std::size_t>(mp_usable_size(resized), total); after > before) {
            std::memset(static_cast<std::uint8_t*>(resized) + before, 0, after - before);
        }
    }
    return resized;
}

// --- measuring, freeing --------------------------------------------------------------------------------------------

std::uint32_t MP_CDECL size_of(const void* block) noexcept {
    if (const std::uint32_t size = size_of_ours(block); size != 0) {
        return size;
    }
    return refuse_invalid(Door::crt_heap, guard::Kind::unknown_size, block, MP_RETURN_ADDRESS()) ? 0 : g_msize(block);
}

void MP_CDECL release(void* block) noexcept {
    if (block != nullptr && !free_ours(block) && !free_other(Door::crt_heap, block, MP_RETURN_ADDRESS())) {
        g_free(block);
    }
}

}  // namespace

void* allocate_from_runtime(std::uint32_t size) noexcept {
    return g_malloc.address != nullptr ? refused(g_malloc, size) : refused(fn::kCrtMalloc, size);
}

void hooks_of::crt_heap(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kCrtFree, &release, &g_free);
    hook(hooks, fn::kCrtMsize, &size_of, &g_msize);
    hook(hooks, fn::kCrtRealloc, &resize<g_realloc>, &g_realloc);
    hook(hooks, fn::kCrtReallocCrt, &resize<g_realloc_crt>, &g_realloc_crt);
    hook(hooks, fn::kCrtRecalloc, &resize_zeroed<g_recalloc>, &g_recalloc);
    hook(hooks, fn::kCrtRecallocCrt, &resize_zeroed<g_recalloc_crt>, &g_recalloc_crt);
    const bool guards = doors_guard();
    hook(hooks, fn::kCrtMalloc, guards ? &allocate<g_malloc, true> : &allocate<g_malloc, false>, &g_malloc);
    hook(hooks, fn::kCrtMallocCrt, guards ? &allocate<g_malloc_crt, true> : &allocate<g_malloc_crt, false>,
         &g_malloc_crt);
    hook(hooks, fn::kCrtCalloc, guards ? &allocate_zeroed<g_calloc, true> : &allocate_zeroed<g_calloc, false>,
         &g_calloc);
    hook(hooks, fn::kCrtCallocCrt,
         guards ? &allocate_zeroed<g_calloc_crt, true> : &allocate_zeroed<g_calloc_crt, false>, &g_calloc_crt);
}

}  // namespace mp::replace
