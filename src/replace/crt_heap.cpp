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
#include <array>
#include <cstdint>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "alloc/span_layout.h"
#include "game/addresses.h"
#include "game/call.h"
#include "os/compiler.h"
#include "replace/counters.h"
#include "replace/never_null.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"
#include "replace/subsystem.h"

namespace mp::replace {

namespace {

constexpr std::uint32_t kLargestRequest = 0xFFFFFFE0;  // above it the runtime fails at once

using AllocateFn = void*(MP_CDECL*)(std::uint32_t);
using ClearedFn = void*(MP_CDECL*)(std::uint32_t, std::uint32_t);
using ResizeFn = void*(MP_CDECL*)(void*, std::uint32_t);
using ResizeClearedFn = void*(MP_CDECL*)(void*, std::uint32_t, std::uint32_t);
using SizeFn = std::uint32_t(MP_CDECL*)(const void*);
using FreeFn = void(MP_CDECL*)(void*);

struct Originals {
    void* malloc = nullptr;
    void* malloc_crt = nullptr;
    void* calloc = nullptr;
    void* calloc_crt = nullptr;
    void* realloc = nullptr;
    void* realloc_crt = nullptr;
    void* recalloc = nullptr;
    void* recalloc_crt = nullptr;
    void* msize = nullptr;
    void* free = nullptr;
};
constinit Originals g_originals;

template <typename Function>
Function original(void* address) noexcept {
    return reinterpret_cast<Function>(address);
}

/// What the original's entry answers to a request that we refuse; NULL as long as the runtime has no heap: malloc would
/// end the process, and errno belongs to a table that does not exist yet (engine contract G.1, part C).
template <typename Function, typename... Arguments>
void* refused(void* entry, Arguments... arguments) noexcept {
    const bool runtime_has_heap = *game::at<void*>(game::data::kCrtHeap) != nullptr;
    return runtime_has_heap ? original<Function>(entry)(arguments...) : nullptr;
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

/// Inside memory of ours, but no block: an error of the caller that must not reach the original.
bool is_invalid(const void* block) noexcept {
    if (!must_not_reach_original(block)) {
        return false;
    }
    count(Count::invalid_pointers);
    return true;
}

// --- allocating ----------------------------------------------------------------------------------------------------

template <void* Originals::* Entry>
void* MP_CDECL allocate(std::uint32_t size) noexcept {
    void* block = allocate_ours(size);
    if (block == nullptr) [[unlikely]] {
        return refused<AllocateFn>(g_originals.*Entry, size);
    }
    clear_fresh_rest(block, size);
    return block;
}

template <void* Originals::* Entry>
void* MP_CDECL allocate_zeroed(std::uint32_t amount, std::uint32_t size) noexcept {
    void* block = allocate_cleared(amount, size);
    return block != nullptr ? block : refused<ClearedFn>(g_originals.*Entry, amount, size);
}

// --- resizing ------------------------------------------------------------------------------------------------------

/// A block of the runtime's own heap with the contents of one of ours, which is freed; NULL leaves it live and errno at
/// ENOMEM.
void* move_to_runtime(void* block, std::uint32_t size) noexcept {
    report_refusal(size);
    void* fresh = refused<AllocateFn>(g_originals.malloc, size);
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
        return refused<AllocateFn>(g_originals.malloc, size);
    }
    void* resized = resize_in_ours(block, size);
    if (resized == nullptr) [[unlikely]] {
        return move_to_runtime(block, size);
    }
    clear_rest(resized, size);
    return resized;
}

template <void* Originals::* Entry>
void* MP_CDECL resize(void* block, std::uint32_t size) noexcept {
    if (block == nullptr) {
        void* fresh = allocate_ours(size);
        if (fresh == nullptr) [[unlikely]] {
            return refused<ResizeFn>(g_originals.*Entry, static_cast<void*>(nullptr), size);
        }
        clear_fresh_rest(fresh, size);
        return fresh;
    }
    if (mp_usable_size(block) == 0) {
        return is_invalid(block) ? nullptr : original<ResizeFn>(g_originals.*Entry)(block, size);
    }
    if (size == 0) {
        free_ours(block);
        return nullptr;
    }
    return resize_ours(block, size);
}

template <void* Originals::* Entry>
void* MP_CDECL resize_zeroed(void* block, std::uint32_t amount, std::uint32_t size) noexcept {
    if (block == nullptr) {
        void* fresh = allocate_cleared(amount, size);
        return fresh != nullptr
                   ? fresh
                   : refused<ResizeClearedFn>(g_originals.*Entry, static_cast<void*>(nullptr), amount, size);
    }
    const std::size_t before = mp_usable_size(block);
    if (before == 0) {
        return is_invalid(block) ? nullptr : original<ResizeClearedFn>(g_originals.*Entry)(block, amount, size);
    }
    const std::uint64_t product = std::uint64_t{amount} * size;
    if (product == 0) {
        free_ours(block);
        return nullptr;
    }
    if (product > kLargestRequest) {  // refused before the block is looked at
        return refused<ResizeClearedFn>(g_originals.*Entry, block, amount, size);
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
    if (const std::size_t size = mp_usable_size(block); size != 0) {
        return static_cast<std::uint32_t>(size);
    }
    return is_invalid(block) ? 0 : original<SizeFn>(g_originals.msize)(block);
}

void MP_CDECL release(void* block) noexcept {
    if (block == nullptr || free_ours(block) || is_invalid(block)) {
        return;
    }
    original<FreeFn>(g_originals.free)(block);
}

// -------------------------------------------------------------------------------------------------------------------

constinit std::array<patch::Hook, 10> g_hooks{{
    {&game::site(0x00ECD291), nullptr, &g_originals.free, patch::Role::consumer},
    {&game::site(0x00ECD31F), nullptr, &g_originals.msize, patch::Role::consumer},
    {&game::site(0x00ECCF5D), nullptr, &g_originals.realloc, patch::Role::consumer},
    {&game::site(0x00ED0D70), nullptr, &g_originals.realloc_crt, patch::Role::consumer},
    {&game::site(0x00EE1700), nullptr, &g_originals.recalloc, patch::Role::consumer},
    {&game::site(0x00ED0DBE), nullptr, &g_originals.recalloc_crt, patch::Role::consumer},
    {&game::site(0x00ECD1C7), nullptr, &g_originals.malloc, patch::Role::producer},
    {&game::site(0x00ED0CDF), nullptr, &g_originals.malloc_crt, patch::Role::producer},
    {&game::site(0x00EDDD7D), nullptr, &g_originals.calloc, patch::Role::producer},
    {&game::site(0x00ED0D24), nullptr, &g_originals.calloc_crt, patch::Role::producer},
}};

}  // namespace

void* allocate_from_runtime(std::uint32_t size) noexcept {
    if (g_originals.malloc != nullptr) {
        return refused<AllocateFn>(g_originals.malloc, size);
    }
    return refused<AllocateFn>(game::at<void>(game::site(0x00ECD1C7).va), size);
}

Subsystem crt_heap() noexcept {
    const void* const replacements[] = {code(&release),
                                        code(&size_of),
                                        code(&resize<&Originals::realloc>),
                                        code(&resize<&Originals::realloc_crt>),
                                        code(&resize_zeroed<&Originals::recalloc>),
                                        code(&resize_zeroed<&Originals::recalloc_crt>),
                                        code(&allocate<&Originals::malloc>),
                                        code(&allocate<&Originals::malloc_crt>),
                                        code(&allocate_zeroed<&Originals::calloc>),
                                        code(&allocate_zeroed<&Originals::calloc_crt>)};
    static_assert(std::size(replacements) == std::tuple_size_v<decltype(g_hooks)>);
    for (std::size_t i = 0; i < g_hooks.size(); ++i) {
        g_hooks[i].replacement = replacements[i];
    }
    return {game::Group::crt_heap, g_hooks, {}, nullptr};
}

}  // namespace mp::replace
