// Builders and caretakers of heaps and pools that nobody uses any more. Engine contract part C and D, B.3, B.5, B.8.
//
// Only in Preload, before the first of them has run, and only when every front door is ours: then no pool, no general
// heap and no scrap manager is built, and about 400 MB of address space are never reserved. Each function becomes one
// that returns at once.
//
// Left alone on purpose: the map of scrap heaps at +0x114 (0xAA38CA; small, and other plugins' getters use it) and the
// lazy getter of the scrap manager (0x866D10; the out-of-memory handler uses its result). The jump over the per-frame
// sort (0x86EED4) is not needed once the sort itself returns at once.
#include <array>
#include <cstdint>

#include "replace/subsystem.h"

namespace mp::replace {

namespace {

/// For functions that pop nothing, whatever their convention.
void MP_FASTCALL return_at_once() noexcept {}

constinit std::array<patch::Hook, 9> g_hooks{{
    {&game::site(0x00AA6840), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00AA7030), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00AA6F90), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00AA7290), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00AA7300), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00AA5C80), nullptr, nullptr, patch::Role::consumer},
    {&game::site(0x00866E00), nullptr, nullptr, patch::Role::producer},
    {&game::site(0x00866770), nullptr, nullptr, patch::Role::producer},
    {&game::site(0x00AA58D0), nullptr, nullptr, patch::Role::producer},
}};

}  // namespace

Subsystem providers() noexcept {
    for (patch::Hook& hook : g_hooks) {
        hook.replacement = code(&return_at_once);
    }
    return {game::Group::providers, g_hooks, {}, nullptr, true};
}

}  // namespace mp::replace
