#include "replace/install.h"

#include <algorithm>
#include <atomic>

#include "os/os.h"
#include "replace/counters.h"
#include "replace/heap_memory.h"
#include "replace/pressure.h"

namespace mp::replace {

namespace {

constinit patch::Installation g_installation;

// As somebody last looked: the sites that are not ours any more, and what is left. In static storage: too large for a
// game thread's stack.
constinit std::array<patch::Error, patch::kMaxHooks> g_changes;
constinit std::size_t g_change_count = 0;
constinit std::atomic<std::uint32_t> g_patch_count{0};
constinit std::atomic<std::uint32_t> g_front_doors{0};

/// Room for everything one transaction can take.
struct Plan {
    std::array<patch::Hook, patch::kMaxHooks> hooks;
    std::size_t hook_count = 0;
    std::array<patch::PointerHook, patch::kMaxHooks> pointers;
    std::size_t pointer_count = 0;

    void add(const Subsystem& subsystem) noexcept {
        for (const patch::Hook& hook : subsystem.hooks) {
            hooks[hook_count++] = hook;
        }
        for (const patch::PointerHook& pointer : subsystem.pointers) {
            pointers[pointer_count++] = pointer;
        }
    }
};

/// What the last installation consists of. In static storage: too large for a game thread's stack.
constinit Plan g_plan;

void note(GroupOutcome& outcome, const patch::SiteReport& report) noexcept {
    ++outcome.sites;
    if (report.finding == patch::Finding::ok) {
        return;
    }
    if (outcome.mismatches++ == 0) {
        outcome.report = report;
    }
}

// Too large for a game thread's stack.
constinit patch::Walk g_walk;
constinit std::array<patch::SiteReport, patch::kMaxHooks> g_reports;

/// Verifies one subsystem; on full agreement lets it prepare itself and reports `installed` for the time being.
GroupOutcome examine(const Subsystem& subsystem, const patch::Image& image, InstallReport& report) noexcept {
    GroupOutcome outcome{.group = subsystem.group};
    for (const patch::Hook& hook : subsystem.hooks) {
        const std::size_t index = outcome.sites;
        g_reports[index] = patch::verify(*hook.site, image, g_walk);
        note(outcome, g_reports[index]);
    }
    const std::size_t functions = outcome.sites;
    for (const patch::PointerHook& pointer : subsystem.pointers) {
        g_reports[outcome.sites] = patch::verify(*pointer.site, image);
        note(outcome, g_reports[outcome.sites]);
    }
    if (outcome.mismatches != 0) {
        patch::name_owner(outcome.report, image);
        return outcome;
    }
    for (const patch::SiteReport& site : std::span(g_reports).first(outcome.sites)) {
        report.proofs[report.proof_count++] = {site.site, subsystem.group, site.proof};
    }
    if (subsystem.prepare != nullptr) {
        subsystem.prepare(std::span(g_reports).first(functions));
    }
    outcome.state = GroupOutcome::State::installed;
    return outcome;
}

/// True when the examined groups include every front door.
bool has_front_doors(const InstallReport& report) noexcept {
    using enum game::Group;
    std::size_t doors = 0;
    for (const GroupOutcome& outcome : std::span(report.groups.data(), report.group_count)) {
        const bool is_door = outcome.group == game_heap || outcome.group == crt_heap || outcome.group == scrap_heaps;
        doors += is_door && outcome.state == GroupOutcome::State::installed ? 1 : 0;
    }
    return doors == 3;
}

std::uint8_t installed_sites_of(game::Group group) noexcept {
    const std::span<const patch::Installed> hooks(g_installation.hooks, g_installation.count);
    return static_cast<std::uint8_t>(std::ranges::count(hooks, group, &patch::Installed::group));
}

/// Sites that `wanted` accepts in the groups of a report.
template <typename Wanted>
std::uint32_t sites_asked(const InstallReport& report, Wanted wanted) noexcept {
    const std::span groups(report.groups.data(), report.group_count);
    return static_cast<std::uint32_t>(std::ranges::count_if(game::kSites, [&](const game::Site& site) {
        return wanted(site) && std::ranges::find(groups, site.group, &GroupOutcome::group) != groups.end();
    }));
}

void mark_failed(InstallReport& report) noexcept {
    for (std::size_t i = 0; i < report.group_count; ++i) {
        GroupOutcome& outcome = report.groups[i];
        if (outcome.state == GroupOutcome::State::installed) {
            outcome.state = GroupOutcome::State::failed;
            outcome.standing = installed_sites_of(outcome.group);
        }
    }
}

InstallReport describe_present(std::span<const Subsystem> subsystems) noexcept {
    InstallReport report;
    for (const Subsystem& subsystem : subsystems) {
        GroupOutcome& outcome = report.groups[report.group_count++];
        outcome.group = subsystem.group;
        outcome.sites = static_cast<std::uint8_t>(subsystem.hooks.size() + subsystem.pointers.size());
        if (is_installed(subsystem.group)) {
            outcome.state = GroupOutcome::State::installed;
        }
    }
    return report;
}

RestoreReport restore_hooks(patch::Installation& installation) noexcept {
    RestoreReport report;
    std::array<patch::Error, patch::kMaxHooks> changed;
    const auto result = patch::restore(installation, changed);
    if (!result) {
        report.has_error = true;
        report.error = result.error();
    } else {
        report.left_alone = *result;
        if (*result != 0) {
            report.error = changed[0];
        }
    }
    return report;
}

/// Groups whose blocks only they can free.
bool hands_out_blocks(game::Group group) noexcept {
    using enum game::Group;
    constexpr game::Group kGroups[] = {heap_blocks, media_samples, game_heap,         game_heap_optional,
                                       crt_heap,    scrap_heaps,   thread_scrap_heap, providers};
    return std::ranges::find(kGroups, group) != std::end(kGroups);
}

/// Groups that keep a heap from using, or releasing, what was taken of it.
bool keeps_heaps_apart(game::Group group) noexcept {
    return group == game::Group::heap_tail || group == game::Group::heap_backing;
}

/// Moves the hooks that `wanted` accepts; the order within each side is kept.
template <typename Wanted>
void move_hooks(patch::Installation& from, patch::Installation& to, Wanted wanted) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < from.count; ++i) {
        const patch::Installed hook = from.hooks[i];
        if (wanted(hook)) {
            to.hooks[to.count++] = hook;
        } else {
            from.hooks[kept++] = hook;
        }
    }
    from.count = kept;
}

/// Restores only the hooks that `wanted` accepts; what could not be restored stays installed.
template <typename Wanted>
RestoreReport restore_some(Wanted wanted) noexcept {
    static constinit patch::Installation some;  // too large for the stack
    move_hooks(g_installation, some, wanted);
    const RestoreReport report = restore_hooks(some);
    move_hooks(some, g_installation, [](const patch::Installed&) { return true; });
    return report;
}

/// True for the functions that hand out blocks which only we can free.
bool produces_blocks(const patch::Installed& installed) noexcept {
    if (!hands_out_blocks(installed.group)) {
        return false;
    }
    for (const patch::Hook& hook : std::span(g_plan.hooks.data(), g_plan.hook_count)) {
        if (hook.site->va == installed.va) {
            return hook.role == patch::Role::producer;
        }
    }
    return false;
}

/// Puts the functions of the last plan back that `restore_some` took out.
void reinstall_producers() noexcept {
    std::array<patch::Hook, patch::kMaxHooks> producers;
    std::size_t count_of_producers = 0;
    for (const patch::Hook& hook : std::span(g_plan.hooks.data(), g_plan.hook_count)) {
        if (hook.role == patch::Role::producer && hands_out_blocks(hook.site->group)) {
            producers[count_of_producers++] = hook;
        }
    }
    // A refusal leaves the producers original and the consumers ours: complete for every block that is live.
    static_cast<void>(patch::install(std::span(producers.data(), count_of_producers), {}, g_installation));
}

/// Time for a thread that was inside a replaced allocation when its entry was restored to come out of it.
constexpr std::uint32_t kGraceMs = 20;

/// Counts once more at the end of a function that took hooks out.
class CountAfterwards {
public:
    CountAfterwards() noexcept = default;
    ~CountAfterwards() { look_for_changes(); }
    CountAfterwards(const CountAfterwards&) = delete;
    CountAfterwards& operator=(const CountAfterwards&) = delete;
};

}  // namespace

bool is_installed(game::Group group) noexcept {
    for (std::size_t i = 0; i < g_installation.count; ++i) {
        if (g_installation.hooks[i].group == group) {
            return true;
        }
    }
    return false;
}

std::uint32_t InstallReport::patches_asked() const noexcept {
    return sites_asked(*this, &game::in_mission);
}

std::uint32_t InstallReport::front_doors_asked() const noexcept {
    return sites_asked(*this, [](const game::Site& site) { return game::is_front_door(site.group); });
}

InstallReport install(std::span<const Subsystem> subsystems) noexcept {
    if (g_installation.count != 0) {
        return describe_present(subsystems);
    }
    prepare_for_pressure();
    const patch::ProcessImage image;
    InstallReport report;
    report.helpers = prove_io_helpers(image, g_walk);
    g_plan = {};
    for (const Subsystem& subsystem : subsystems) {
        GroupOutcome& outcome = report.groups[report.group_count++];
        outcome = examine(subsystem, image, report);
        if (subsystem.needs_front_doors && !has_front_doors(report)) {
            outcome.state = GroupOutcome::State::not_needed;
        }
        if (outcome.state == GroupOutcome::State::installed) {
            g_plan.add(subsystem);
        }
    }
    if (g_plan.hook_count + g_plan.pointer_count == 0) {
        return report;
    }
    const auto result = patch::install(std::span(g_plan.hooks.data(), g_plan.hook_count),
                                       std::span(g_plan.pointers.data(), g_plan.pointer_count), g_installation);
    look_for_changes();
    if (!result) {
        report.has_error = true;
        report.error = result.error();
        mark_failed(report);
    }
    return report;
}

RestoreReport restore() noexcept {
    if (const std::uint64_t live = live_blocks(); live != 0 || has_heap_memory()) {
        return {.live_blocks = live, .heaps_are_taken = has_heap_memory()};
    }
    // Producers first: from then on no block is handed out, so "none is live" stays true.
    const CountAfterwards counted;
    RestoreReport report = restore_some(&produces_blocks);
    os::sleep_ms(kGraceMs);
    report.live_blocks = live_blocks();
    if (report.live_blocks != 0 || !report.complete()) {
        reinstall_producers();
        return report;
    }
    return restore_hooks(g_installation);
}

RestoreReport restore_at_process_end() noexcept {
    const CountAfterwards counted;
    const std::uint64_t live = live_blocks();
    if (live == 0) {
        return restore_hooks(g_installation);
    }
    RestoreReport report = restore_some([](const patch::Installed& installed) {
        return !hands_out_blocks(installed.group) && !(has_heap_memory() && keeps_heaps_apart(installed.group));
    });
    report.live_blocks = live;
    return report;
}

void look_for_changes() noexcept {
    const std::size_t count = patch::find_foreign_changes(g_installation, g_changes);
    g_change_count = std::min(count, g_changes.size());
    const std::span<const patch::Error> changes = changed_sites();
    std::uint32_t patches = 0;
    std::uint32_t doors = 0;
    for (const patch::Installed& hook : std::span(g_installation.hooks, g_installation.count)) {
        if (std::ranges::find(changes, hook.va, &patch::Error::address) != changes.end()) {
            continue;
        }
        const game::Site* site = game::find_site(hook.va);
        patches += site != nullptr && game::in_mission(*site) ? 1 : 0;
        doors += game::is_front_door(hook.group) ? 1 : 0;
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

const patch::Installation& installation() noexcept {
    return g_installation;
}

std::size_t installed_sites() noexcept {
    return g_installation.count;
}

std::uint32_t front_doors_taken() noexcept {
    return g_front_doors.load(std::memory_order_relaxed);
}

game::Group installed_group(game::Addr va) noexcept {
    for (const patch::Installed& hook : std::span(g_installation.hooks, g_installation.count)) {
        if (hook.va == va) {
            return hook.group;
        }
    }
    return game::Group::none;
}

}  // namespace mp::replace
