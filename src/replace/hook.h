// One hook on one line: the game's function, what replaces it, and what will call the original.
#pragma once

#include <type_traits>

#include "game/functions.h"
#include "patch/hooks.h"

namespace mp::replace {

using game::Unused;
namespace fn = game::fn;

template <typename Function>
const void* code(Function* function) noexcept {
    return reinterpret_cast<const void*>(function);
}

/// Asks for a replacement. Its type is the function's; `original`, of the function's own kind, calls what was replaced.
template <typename Function>
patch::Hook& hook(patch::Hooks& hooks, const Function& function,
                  std::type_identity_t<typename Function::Replacement> replacement,
                  typename Function::Original* original = nullptr) noexcept {
    return hooks.add({.site = function.site,
                      .slot = function.slot,
                      .replacement = code(replacement),
                      .original = original != nullptr ? &original->address : nullptr});
}

/// The hooks of each file of this folder. Cold, before an installation.
namespace hooks_of {
void media_samples(patch::Hooks& hooks) noexcept;
void scrap_buffers(patch::Hooks& hooks) noexcept;
void pool_memory(patch::Hooks& hooks) noexcept;
void heap_backing(patch::Hooks& hooks) noexcept;
void heap_tail(patch::Hooks& hooks) noexcept;
void heap_interior(patch::Hooks& hooks) noexcept;
void heap_blocks(patch::Hooks& hooks) noexcept;
void crt_small_blocks(patch::Hooks& hooks) noexcept;
void crt_heap(patch::Hooks& hooks) noexcept;
void game_heap(patch::Hooks& hooks) noexcept;
void scrap_heaps(patch::Hooks& hooks) noexcept;
void providers(patch::Hooks& hooks) noexcept;
}  // namespace hooks_of

}  // namespace mp::replace
