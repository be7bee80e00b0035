// Front doors of the game's memory manager: allocate, free, both reallocates, size. Engine contract B.2, group G1.
//
// With these replaced no allocation of the game reaches its pools, its general heaps or the Static heap. Memory
// contexts no longer matter: a thread with context 0, whose blocks came from the Static heap and leaked there on free,
// gets blocks that can be freed. Ownership decides about every pointer: ours by our map, everything else by the
// original through its trampoline, which finds the owner itself (pool table, heaps, C runtime).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/compiler.h"
#include "replace/counters.h"
#include "replace/never_null.h"
#include "replace/quarantine.h"
#include "replace/subsystem.h"

namespace mp::replace {

namespace {

using game::MemoryManager;

using FreeFn = void(MP_FASTCALL*)(MemoryManager*, Unused, void*);
using SizeFn = std::uint32_t(MP_FASTCALL*)(MemoryManager*, Unused, const void*);
using ReallocateFn = void*(MP_FASTCALL*)(MemoryManager*, Unused, void*, std::uint32_t);

constinit void* g_free_original = nullptr;
constinit void* g_size_original = nullptr;
constinit void* g_reallocate_original = nullptr;

std::uint32_t at_least_smallest(std::uint32_t size) noexcept {
    return std::max(size, game::kSmallestBlock);
}

/// Never NULL (engine contract part D, 8), but for sizes that no address space can hold.
void* allocate_block(std::uint32_t size) noexcept {
    void* block = mp_malloc(at_least_smallest(size));
    if (block == nullptr) [[unlikely]] {
        block = allocate_or_run_protocol(at_least_smallest(size));
        if (mp_knows(block) == 0) {
            return block;  // the runtime's: not counted, because its free is not ours
        }
    }
    if (block != nullptr) [[likely]] {
        count_heap_block(Count::game_blocks_allocated, size);
    }
    return block;
}

/// A pointer that is not a block of ours: inside memory of ours it is an error of the caller, which the original would
/// turn into damage; elsewhere it is the original's business.
MP_NOINLINE void free_other(MemoryManager* manager, void* block) noexcept {
    if (must_not_reach_original(block)) {
        count(Count::invalid_pointers);
        return;
    }
    reinterpret_cast<FreeFn>(g_free_original)(manager, 0, block);
}

// --- the doors -----------------------------------------------------------------------------------------------------

void* MP_FASTCALL allocate(MemoryManager* /*manager*/, Unused /*edx*/, std::uint32_t size) noexcept {
    return allocate_block(size);
}

void MP_FASTCALL release(MemoryManager* manager, Unused /*edx*/, void* block) noexcept {
    if (block == nullptr) {
        return;
    }
    if (free_block(block)) [[likely]] {
        count(Count::game_blocks_freed);
    } else {
        free_other(manager, block);
    }
}

std::uint32_t MP_FASTCALL size_of(MemoryManager* manager, Unused /*edx*/, const void* block) noexcept {
    if (must_not_reach_original(block)) [[likely]] {
        return static_cast<std::uint32_t>(mp_usable_size(block));
    }
    return reinterpret_cast<SizeFn>(g_size_original)(manager, 0, block);
}

/// Moves a block of the original's into ours; one that the original cannot measure stays the original's.
void* adopt(MemoryManager* manager, void* block, std::uint32_t size) noexcept {
    const std::uint32_t old_size = reinterpret_cast<SizeFn>(g_size_original)(manager, 0, block);
    if (old_size == 0) {
        return reinterpret_cast<ReallocateFn>(g_reallocate_original)(manager, 0, block, size);
    }
    void* fresh = allocate_block(size);
    if (fresh != nullptr) {
        std::memcpy(fresh, block, std::min(old_size, size));
        reinterpret_cast<FreeFn>(g_free_original)(manager, 0, block);
    }
    return fresh;
}

/// In place where that is possible, moved otherwise; contents kept. `usable` is the block's size. A block that moves
/// counts as one made and one freed. NULL, the block left as it is, only for sizes that no address space can hold.
void* resize_ours(void* block, std::uint32_t usable, std::uint32_t size) noexcept {
    if (mp_resize_in_place(block, at_least_smallest(size)) != 0) [[likely]] {
        return block;
    }
    void* fresh = allocate_block(size);
    if (fresh != nullptr) [[likely]] {
        std::memcpy(fresh, block, std::min(usable, size));
        free_block(block);
        count(Count::game_blocks_freed);
    }
    return fresh;
}

void* MP_FASTCALL reallocate(MemoryManager* manager, Unused /*edx*/, void* block, std::uint32_t size) noexcept {
    if (block == nullptr) {
        return allocate_block(size);
    }
    if (const auto usable = static_cast<std::uint32_t>(mp_usable_size(block)); usable != 0) {
        return resize_ours(block, usable, size);
    }
    if (must_not_reach_original(block)) {
        count(Count::invalid_pointers);
        return allocate_block(size);
    }
    return adopt(manager, block, size);
}

// -------------------------------------------------------------------------------------------------------------------

constinit std::array<patch::Hook, 4> g_hooks{{
    {&game::site(0x00AA4060), nullptr, &g_free_original, patch::Role::consumer},
    {&game::site(0x00AA44C0), nullptr, &g_size_original, patch::Role::consumer},
    {&game::site(0x00AA4200), nullptr, &g_reallocate_original, patch::Role::consumer},
    {&game::site(0x00AA3E40), nullptr, nullptr, patch::Role::producer},
}};

constinit std::array<patch::Hook, 1> g_optional_hooks{{
    {&game::site(0x00AA4150), nullptr, nullptr, patch::Role::consumer},
}};

}  // namespace

Subsystem game_heap() noexcept {
    g_hooks[0].replacement = code(&release);
    g_hooks[1].replacement = code(&size_of);
    g_hooks[2].replacement = code(&reallocate);
    g_hooks[3].replacement = code(&allocate);
    return {game::Group::game_heap, g_hooks, {}, nullptr};
}

/// The first reallocate entry only composes the other doors; another plugin may own it.
Subsystem game_heap_optional() noexcept {
    g_optional_hooks[0].replacement = code(&reallocate);
    return {game::Group::game_heap_optional, g_optional_hooks, {}, nullptr};
}

}  // namespace mp::replace
