// The ten heap entries of the game's static C runtime. Engine contract B.9, group G2.
//
// The runtime's own heap stays: it holds what was allocated before us, by other plugins too, and helps out when our
// allocator is out of memory. A pointer that is not ours always goes to the trampoline of the entry it came through, so
// nothing can recurse.
//
// Refusals are the original's to answer: it sets errno, asks the new-handler and the invalid-parameter handler, and
// ends the process where it must. Only the refusal to resize a block of ours cannot go there (engine contract G.1).
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

/// Our block, or NULL after our caches were given back.
MP_ALWAYS_INLINE void* allocate_ours(std::uint32_t size) noexcept {
    if (size > kLargestRequest) {
        return nullptr;
    }
    void* block = mp_malloc(size);
    if (block == nullptr) [[unlikely]] {
        block = allocate_after_refusal(size);
    }
    if (block != nullptr) [[likely]] {
        count_block(Count::crt_blocks_allocated, size);
    }
    return block;
}

/// The same, cleared to its very end, so that a later recalloc that grows inside the block finds zeros.
void* allocate_cleared(std::uint32_t amount, std::uint32_t size) noexcept {
    const std::uint64_t total = std::uint64_t{amount} * size;
    if (total > kLargestRequest) {
        return nullptr;
    }
    void* block = allocate_ours(static_cast<std::uint32_t>(total));
    if (block != nullptr) {
        std::memset(block, 0, mp_usable_size(block));
    }
    return block;
}

bool free_ours(void* block) noexcept {
    if (mp_free(block) == 0) {
        return false;
    }
    count(Count::crt_blocks_freed);
    return true;
}

/// Inside memory of ours, but no block: an error of the caller that must not reach the original.
bool is_invalid(const void* block) noexcept {
    if (mp_knows(block) == 0) {
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
        return original<AllocateFn>(g_originals.*Entry)(size);
    }
    clear_fresh_rest(block, size);
    return block;
}

template <void* Originals::* Entry>
void* MP_CDECL allocate_zeroed(std::uint32_t amount, std::uint32_t size) noexcept {
    void* block = allocate_cleared(amount, size);
    return block != nullptr ? block : original<ClearedFn>(g_originals.*Entry)(amount, size);
}

// --- resizing ------------------------------------------------------------------------------------------------------

/// Resizes a block of ours; nullptr leaves it live and errno at ENOMEM. A size above the limit is the original malloc's
/// to refuse: it asks the new-handler, as the original realloc would.
void* resize_ours(void* block, std::uint32_t size) noexcept {
    if (size > kLargestRequest) {
        return original<AllocateFn>(g_originals.malloc)(size);
    }
    void* resized = mp_realloc(block, size);
    if (resized == nullptr) {
        static_cast<void>(mp_trim(0));
        resized = mp_realloc(block, size);
    }
    if (resized == nullptr) {
        *game::call_cdecl<std::int32_t*>(game::code::kErrno) = game::kErrnoNoMemory;
        return nullptr;
    }
    clear_rest(resized, size);
    return resized;
}

template <void* Originals::* Entry>
void* MP_CDECL resize(void* block, std::uint32_t size) noexcept {
    if (block == nullptr) {
        void* fresh = allocate_ours(size);
        if (fresh == nullptr) [[unlikely]] {
            return original<ResizeFn>(g_originals.*Entry)(nullptr, size);
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
        return fresh != nullptr ? fresh : original<ResizeClearedFn>(g_originals.*Entry)(nullptr, amount, size);
    }
    const std::size_t before = mp_usable_size(block);
    if (before == 0) {
        return is_invalid(block) ? nullptr : original<ResizeClearedFn>(g_originals.*Entry)(block, amount, size);
    }
    const std::uint64_t total = std::uint64_t{amount} * size;
    if (total == 0) {
        free_ours(block);
        return nullptr;
    }
    if (total > kLargestRequest) {  // refused before the block is looked at
        return original<ResizeClearedFn>(g_originals.*Entry)(block, amount, size);
    }
    void* resized = resize_ours(block, static_cast<std::uint32_t>(total));
    if (resized != nullptr) {
        if (const std::size_t after = mp_usable_size(resized); after > before) {
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
