#include "replace/install.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "replace/borders.h"
#include "replace/counters.h"
#include "replace/heap_memory.h"
#include "replace/hook.h"
#include "replace/pressure.h"
#include "replace/statistics.h"

namespace mp::replace {

namespace {

// Too large for a game thread's stack.
constinit patch::Hooks g_hooks;
constinit patch::Walk g_walk;

// As somebody last looked: the sites that are not ours any more, and what is left.
constinit std::array<patch::Error, patch::kMaxHooks> g_changes;
constinit std::size_t g_change_count = 0;
constinit std::atomic<std::uint32_t> g_patch_count{0};
constinit std::atomic<std::uint32_t> g_front_doors{0};

void ask_for(Extent extent) noexcept {
    g_hooks.clear();
    hooks_of::scrap_buffers(g_hooks);
    if (extent != Extent::boundary) {
        hooks_of::scrap_heaps(g_hooks);
    }
    if (extent == Extent::scrap) {
        return;
    }
    hooks_of::media_samples(g_hooks);
    hooks_of::pool_memory(g_hooks);
    hooks_of::heap_backing(g_hooks);
    hooks_of::heap_tail(g_hooks);
    hooks_of::heap_interior(g_hooks);
    hooks_of::heap_blocks(g_hooks);
    hooks_of::crt_small_blocks(g_hooks);
    if (extent == Extent::boundary) {
        return;
    }
    hooks_of::crt_heap(g_hooks);
    hooks_of::game_heap(g_hooks);
    if (extent == Extent::full_and_builders) {
        hooks_of::providers(g_hooks);
    }
    borders::wrap(g_hooks);
}

bool is_patch(const patch::Hook& hook) noexcept {
    return hook.site != nullptr && game::in_mission(*hook.site);
}

bool is_front_door(const patch::Hook& hook) noexcept {
    return game::is_front_door(hook.group());
}

/// Groups whose blocks only they can free.
bool hands_out_blocks(game::Group group) noexcept {
    using enum game::Group;
    return group == heap_blocks || group == media_samples || group == providers || game::is_front_door(group);
}

/// Groups that keep a heap from using, or releasing, what was taken of it.
bool keeps_heaps_apart(game::Group group) noexcept {
    return group == game::Group::heap_tail || group == game::Group::heap_backing;
}

/// What can go while blocks are live.
bool frees_nothing(const patch::Hook& hook) noexcept {
    return !hands_out_blocks(hook.group()) && !(has_heap_memory() && keeps_heaps_apart(hook.group()));
}

}  // namespace

InstallReport install(Extent extent) noexcept {
    InstallReport report;
    if (g_hooks.standing() == 0) {
        prepare_for_pressure();
        report.helpers = prove_io_helpers(patch::ProcessImage{}, g_walk);
        ask_for(extent);
    }
    static_cast<patch::InstallReport&>(report) = patch::install(g_hooks);
    look_for_changes();
    return report;
}

std::uint32_t patches_asked() noexcept {
    return static_cast<std::uint32_t>(std::ranges::count_if(g_hooks.all(), &is_patch));
}

std::uint32_t front_doors_asked() noexcept {
    return static_cast<std::uint32_t>(std::ranges::count_if(g_hooks.all(), &is_front_door));
}

RestoreReport restore_at_process_end() noexcept {
    RestoreReport report{.live_blocks = live_blocks()};
    std::array<patch::Error, 1> changed;
    const auto restored = patch::restore(g_hooks, report.live_blocks == 0 ? nullptr : &frees_nothing, changed);
    report.has_error = !restored;
    report.left_alone = restored.value_or(0);
    report.error = restored ? changed[0] : restored.error();
    look_for_changes();
    return report;
}

void look_for_changes() noexcept {
    const std::size_t count = patch::find_foreign_changes(g_hooks, g_changes);
    g_change_count = std::min(count, g_changes.size());
    const auto stands = [](const patch::Hook& hook) {
        return hook.stands && std::ranges::none_of(changed_sites(), [&hook](const patch::Error& change) {
                   return change.address == hook.va() && change.failure == patch::Failure::foreign_change;
               });
    };
    std::uint32_t patches = 0;
    std::uint32_t doors = 0;
    for (const patch::Hook& hook : g_hooks.all()) {
        patches += is_patch(hook) && stands(hook) ? 1 : 0;
        doors += is_front_door(hook) && stands(hook) ? 1 : 0;
    }
    g_patch_count.store(patches, std::memory_order_relaxed);
    g_front_doors.store(doors, std::memory_order_relaxed);
}

std::span<const patch::Error> changed_sites() noexcept {
    return {g_changes.data(), g_change_count};
}

std::uint32_t patch_count() noexcept {
    return g_patch_count.load(std::memory_order_relaxed);
}

patch::Hooks& hooks() noexcept {
    return g_hooks;
}

std::size_t installed_sites() noexcept {
    return g_hooks.standing();
}

std::uint32_t front_doors_taken() noexcept {
    return g_front_doors.load(std::memory_order_relaxed);
}

game::Group group_asked(game::Addr va) noexcept {
    const patch::Hook* hook = g_hooks.find(va);
    return hook == nullptr ? game::Group::none : hook->group();
}

}  // namespace mp::replace
