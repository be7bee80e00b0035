// Builders and caretakers of heaps and pools that nobody uses any more. Engine contract part C and D, B.3, B.5, B.8.
//
// Only in Preload, before the first of them has run, and only when every front door is ours: then no pool, no general
// heap and no scrap manager is built, and about 400 MB of address space are never reserved. Each function becomes one
// that returns at once.
//
// The lazy getter of the scrap manager (0x866D10) is replaced as well: the out-of-memory handler calls it, and its
// original would allocate there what nobody has built. It answers a manager of ours, empty and never freed; the game's
// pointer to its manager stays NULL, so that nothing destroys ours. Making the game's own one beforehand would need the
// game's constructor in Preload, before its statics are built, and a block that the game frees when it ends.
//
// Left alone on purpose: the map of scrap heaps at +0x114 (0xAA38CA; small, and other plugins' getters use it). The
// jump over the per-frame sort (0x86EED4) is not needed once the sort itself returns at once.
#include <cstdint>

#include "game/layouts.h"
#include "replace/hook.h"

namespace mp::replace {

namespace {

/// For functions that pop nothing, whatever their convention.
void MP_FASTCALL return_at_once() noexcept {}

/// All zeros: what the constructor leaves (engine contract B.8).
constinit game::ScrapHeapManager g_scrap_manager{};

game::ScrapHeapManager* MP_CDECL scrap_manager() noexcept {
    return &g_scrap_manager;
}

/// Makes a function one that returns at once.
template <typename Function>
void retire(patch::Hooks& hooks, const Function& function) noexcept {
    hooks.add({.site = function.site, .replacement = code(&return_at_once)});
}

}  // namespace

void hooks_of::providers(patch::Hooks& hooks) noexcept {
    retire(hooks, fn::kZeroPoolTables);
    retire(hooks, fn::kPurgePools);
    retire(hooks, fn::kPurgeEmptyPages);
    retire(hooks, fn::kSortPool);
    retire(hooks, fn::kWalkFreeList);
    retire(hooks, fn::kFreeAllBuffers);
    retire(hooks, fn::kCreateHeaps);
    retire(hooks, fn::kCreatePools);
    retire(hooks, fn::kCreateScrapManager);
    hook(hooks, fn::kScrapManager, &scrap_manager);
}

}  // namespace mp::replace
