// What every replaced subsystem offers to the installer.
#pragma once

#include <cstdint>
#include <span>

#include "game/sites.h"
#include "os/compiler.h"
#include "patch/transaction.h"
#include "patch/verify.h"

namespace mp::replace {

/// Second register argument of a fastcall function. A replacement of a thiscall function is written as fastcall with
/// this unused parameter: object in ECX, stack arguments popped by the callee, the same in every compiler.
using Unused = std::uint32_t;

template <typename Function>
const void* code(Function* function) noexcept {
    return reinterpret_cast<const void*>(function);
}

/// The hooks of one coherence group. Spans refer to static storage.
struct Subsystem {
    game::Group group = game::Group::none;
    std::span<patch::Hook> hooks;
    std::span<patch::PointerHook> pointers;
    /// Called with the reports of the group's sites (in the order of `hooks`) when all of them match and before
    /// anything is written; may adjust `hooks` to what the image told. nullptr = nothing to do.
    void (*prepare)(std::span<const patch::SiteReport> reports) noexcept = nullptr;
    /// Only when the game heap, the CRT heap and the scrap heaps are replaced as well.
    bool needs_front_doors = false;
};

/// Every subsystem of boundary mode, in the order of the mission's patterns.
std::span<const Subsystem> boundary_subsystems() noexcept;

/// Every subsystem of scrap mode: buffers, doors and getter of the scrap heaps, whose memory meets no other heap's.
std::span<const Subsystem> scrap_subsystems() noexcept;

/// Every subsystem of full mode: those of boundary mode and the front doors of the game's heaps. The builders of heaps
/// and pools are among them only in Preload, before any of them has run.
enum class Builders : std::uint8_t { keep, replace };
std::span<const Subsystem> full_subsystems(Builders builders) noexcept;

Subsystem media_samples() noexcept;
Subsystem scrap_buffers() noexcept;
Subsystem pool_memory() noexcept;
Subsystem heap_backing() noexcept;
Subsystem heap_tail() noexcept;
Subsystem heap_interior() noexcept;
Subsystem heap_blocks() noexcept;
Subsystem crt_small_blocks() noexcept;

Subsystem game_heap() noexcept;
Subsystem game_heap_optional() noexcept;
Subsystem crt_heap() noexcept;
Subsystem scrap_heaps() noexcept;
Subsystem thread_scrap_heap() noexcept;
Subsystem providers() noexcept;

}  // namespace mp::replace
