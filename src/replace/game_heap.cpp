// Front doors of the game's memory manager: allocate, free, both reallocates, size. Engine contract B.2, group G1.
//
// With these replaced no allocation of the game reaches its pools, its general heaps or the Static heap. Memory
// contexts no longer matter: a thread with context 0, whose blocks came from the Static heap and leaked there on free,
// gets blocks that can be freed. Ownership decides about every pointer: ours by our map, everything else by the
// original through its trampoline, which finds the owner itself (pool table, heaps, C runtime).
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/compiler.h"
#include "replace/counters.h"
#include "replace/diagnosis.h"
#include "replace/hook.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"

namespace mp::replace {

namespace {

using game::MemoryManager;

constinit decltype(fn::kFree)::Original g_free_original;
constinit decltype(fn::kSize)::Original g_size_original;
constinit decltype(fn::kReallocate2)::Original g_reallocate_original;

std::uint32_t at_least_smallest(std::uint32_t size) noexcept {
    return std::max(size, game::kSmallestBlock);
}

/// `caller`: of the door. Never NULL (engine contract part D, 8), but for sizes that no address space can hold.
MP_ALWAYS_INLINE void* allocate_block(std::uint32_t size, const void* caller) noexcept {
    void* block = mp_malloc(at_least_smallest(size));
    if (block == nullptr) [[unlikely]] {
        block = allocate_or_run_protocol(at_least_smallest(size));
        if (mp_knows(block) == 0) {
            return block;  // the runtime's: not counted, because its free is not ours
        }
    }
    if (block != nullptr) [[likely]] {
        count_heap_block(Count::game_blocks_allocated, size, caller);
    }
    return block;
}

// --- the doors -----------------------------------------------------------------------------------------------------

void* MP_FASTCALL allocate(MemoryManager* /*manager*/, Unused /*edx*/, std::uint32_t size) noexcept {
    return allocate_block(size, MP_RETURN_ADDRESS());
}

/// With the culprit finder.
void* MP_FASTCALL allocate_or_guard(MemoryManager* /*manager*/, Unused /*edx*/, std::uint32_t size) noexcept {
    const void* const caller = MP_RETURN_ADDRESS();
    if (void* block = guarded_in_turn(Door::game_heap, size, caller, MP_FRAME_ADDRESS()); block != nullptr)
        [[unlikely]] {
        return block;
    }
    return allocate_block(size, caller);
}

void MP_FASTCALL release(MemoryManager* manager, Unused /*edx*/, void* block) noexcept {
    if (block == nullptr) {
        return;
    }
    if (free_block(block)) [[likely]] {
        count(Count::game_blocks_freed);
    } else if (!free_other(Door::game_heap, block, MP_RETURN_ADDRESS())) {
        g_free_original(manager, block);
    }
}

std::uint32_t MP_FASTCALL size_of(MemoryManager* manager, Unused /*edx*/, const void* block) noexcept {
    if (must_not_reach_original(block)) [[likely]] {
        return size_of_ours(block);
    }
    return g_size_original(manager, block);
}

/// Moves a block of the original's into ours; one that the original cannot measure stays the original's.
void* adopt(MemoryManager* manager, void* block, std::uint32_t size) noexcept {
    const std::uint32_t old_size = g_size_original(manager, block);
    if (old_size == 0) {
        return g_reallocate_original(manager, block, size);
    }
    void* fresh = allocate_block(size, nullptr);
    if (fresh != nullptr) {
        std::memcpy(fresh, block, std::min(old_size, size));
        g_free_original(manager, block);
    }
    return fresh;
}

/// In place where that is possible, moved otherwise; contents kept. `usable` is the block's size. A block that moves
/// counts as one made and one freed. NULL, the block left as it is, only for sizes that no address space can hold.
void* resize_ours(void* block, std::uint32_t usable, std::uint32_t size) noexcept {
    if (mp_resize_in_place(block, at_least_smallest(size)) != 0) [[likely]] {
        return block;
    }
    void* fresh = allocate_block(size, nullptr);
    if (fresh != nullptr) [[likely]] {
        std::memcpy(fresh, block, std::min(usable, size));
        free_block(block);
        count(Count::game_blocks_freed);
    }
    return fresh;
}

/// A guarded block moves into an ordinary one; for what is no block any more, which is told, a fresh one is made.
void* resize_guarded(void* block, std::uint32_t size, const void* caller) noexcept {
    const auto before = static_cast<std::uint32_t>(guard::size_of(block));
    void* fresh = allocate_block(size, nullptr);
    if (fresh != nullptr) {
        std::memcpy(fresh, block, std::min(before, size));
        free_other(Door::game_heap, block, caller);
    }
    return fresh;
}

void* MP_FASTCALL reallocate(MemoryManager* manager, Unused /*edx*/, void* block, std::uint32_t size) noexcept {
    if (block == nullptr) {
        return allocate_block(size, nullptr);
    }
    if (const auto usable = static_cast<std::uint32_t>(mp_usable_size(block)); usable != 0) {
        return resize_ours(block, usable, size);
    }
    if (guard::holds(block)) {
        return resize_guarded(block, size, MP_RETURN_ADDRESS());
    }
    if (refuse_invalid(Door::game_heap, guard::Kind::unknown_resize, block, MP_RETURN_ADDRESS())) {
        return allocate_block(size, nullptr);
    }
    return adopt(manager, block, size);
}

}  // namespace

void hooks_of::game_heap(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kFree, &release, &g_free_original);
    hook(hooks, fn::kSize, &size_of, &g_size_original);
    hook(hooks, fn::kReallocate2, &reallocate, &g_reallocate_original);
    hook(hooks, fn::kAllocate, doors_guard() ? &allocate_or_guard : &allocate);
    // Only composes the other doors; another plugin may own it.
    hook(hooks, fn::kReallocate1, &reallocate);
}

}  // namespace mp::replace
