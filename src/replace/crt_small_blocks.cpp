// Small-block heap of the game's C runtime (pattern 10). Engine contract A.17 to A.19.
//
// Never active in the shipped game (its heap selector is 1), and its blocks lie inside regions whose bookkeeping is the
// runtime's own. So the three functions stay the original's: a block of ours that reaches the free is freed by us,
// everything else goes through the trampoline; regions and groups are counted.
#include <array>
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "replace/counters.h"
#include "replace/quarantine.h"
#include "replace/subsystem.h"

namespace mp::replace {

namespace {

using game::SmallBlockHeader;

constinit void* g_free_original = nullptr;
constinit void* g_region_original = nullptr;
constinit void* g_group_original = nullptr;

void MP_CDECL free_small_block(SmallBlockHeader* header, void* block) noexcept {
    if (free_block(block)) {
        count(Count::heap_blocks_freed);
        return;
    }
    reinterpret_cast<void(MP_CDECL*)(SmallBlockHeader*, void*)>(g_free_original)(header, block);
}

SmallBlockHeader* MP_CDECL allocate_region() noexcept {
    SmallBlockHeader* header = reinterpret_cast<SmallBlockHeader*(MP_CDECL*)()>(g_region_original)();
    if (header != nullptr) {
        count(Count::small_block_regions);
    }
    return header;
}

std::int32_t MP_CDECL allocate_group(SmallBlockHeader* header) noexcept {
    count(Count::small_block_groups);
    return reinterpret_cast<std::int32_t(MP_CDECL*)(SmallBlockHeader*)>(g_group_original)(header);
}

constinit std::array<patch::Hook, 3> g_hooks{{
    {&game::site(0x00EDE263), nullptr, &g_free_original, patch::Role::consumer},
    {&game::site(0x00EDE579), nullptr, &g_region_original, patch::Role::producer},
    {&game::site(0x00EDE629), nullptr, &g_group_original, patch::Role::producer},
}};

}  // namespace

Subsystem crt_small_blocks() noexcept {
    g_hooks[0].replacement = code(&free_small_block);
    g_hooks[1].replacement = code(&allocate_region);
    g_hooks[2].replacement = code(&allocate_group);
    return {game::Group::crt_small_blocks, g_hooks, {}, nullptr};
}

}  // namespace mp::replace
