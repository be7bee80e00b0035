// Scrap heap buffers (patterns 2 and 3), and stacks for the scrap heaps of full mode.
#pragma once

#include <cstdint>

#include "game/sites.h"

namespace mp::replace {

/// For scrap mode: from now on at most as much address space is kept for reuse as one buffer of the original has. A
/// refusal that the game's own allocators meet is not seen there, so that nothing asks for what is kept. Cold, before
/// the installation.
void keep_few_idle_scrap_buffers() noexcept;

/// A reservation whose first `committed` bytes can be used.
struct ScrapStack {
    game::Addr base = 0;
    std::uint32_t committed = 0;
};

/// A stack of 2 MB of address space, or an idle larger one; base 0 when there is no memory. Cold, any thread.
ScrapStack take_scrap_stack() noexcept;
/// Commits at least `wanted` bytes of a stack, and some ahead. Returns the committed bytes, or 0 when they do not fit
/// the reservation or the system refuses: nothing has changed then. The stack's owner only.
std::uint32_t grow_scrap_stack(game::Addr base, std::uint32_t wanted) noexcept;
/// Keeps a stack for reuse or releases it; one of the original's too. Cold, any thread.
void return_scrap_stack(game::Addr base) noexcept;

}  // namespace mp::replace
