// Small-block heap of the game's C runtime (pattern 10). Engine contract A.17 to A.19.
//
// Never active in the shipped game (its heap selector is 1), and its blocks lie inside regions whose bookkeeping is the
// runtime's own. So the three functions stay the original's: a block of ours that reaches the free is freed by us,
// everything else goes through the trampoline; regions and groups are counted.
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "replace/counters.h"
#include "replace/hook.h"
#include "replace/quarantine.h"

namespace mp::replace {

namespace {

using game::SmallBlockHeader;

constinit decltype(fn::kFreeSmallBlock)::Original g_free_original;
constinit decltype(fn::kNewSmallBlockRegion)::Original g_region_original;
constinit decltype(fn::kNewSmallBlockGroup)::Original g_group_original;

void MP_CDECL free_small_block(SmallBlockHeader* header, void* block) noexcept {
    if (free_block(block)) {
        count(Count::heap_blocks_freed);
        return;
    }
    g_free_original(header, block);
}

SmallBlockHeader* MP_CDECL allocate_region() noexcept {
    SmallBlockHeader* header = g_region_original();
    if (header != nullptr) {
        count(Count::small_block_regions);
    }
    return header;
}

std::int32_t MP_CDECL allocate_group(SmallBlockHeader* header) noexcept {
    count(Count::small_block_groups);
    return g_group_original(header);
}

}  // namespace

void hooks_of::crt_small_blocks(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kFreeSmallBlock, &free_small_block, &g_free_original);
    hook(hooks, fn::kNewSmallBlockRegion, &allocate_region, &g_region_original);
    hook(hooks, fn::kNewSmallBlockGroup, &allocate_group, &g_group_original);
}

}  // namespace mp::replace
