#include "plugin/recorder.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "game/addresses.h"
#include "game/call.h"
#include "os/background.h"
#include "os/executable.h"
#include "os/os.h"
#include "plugin/activation.h"
#include "plugin/health.h"
#include "plugin/log.h"
#include "plugin/page_file.h"
#include "plugin/version.h"
#include "replace/counters.h"
#include "replace/install.h"
#include "session/writer.h"

namespace mp::plugin::recorder {

namespace {

using game::Group;
using replace::Count;
using session::Role;
using session::State;

constexpr std::uint32_t kIntervalMs = 1000;
constexpr std::uint32_t kPatienceMs = 3000;

struct Recorded {
    Count count;
    std::uint8_t pattern;
    Group group;
    Role role;
    const char* name;
};

/// Every count, in the order in which samples hold them.
constexpr Recorded kRecorded[] = {
    {Count::media_buffers_allocated, 1, Group::media_samples, Role::allocation, "media buffers allocated"},
    {Count::media_buffers_freed, 1, Group::media_samples, Role::release, "media buffers freed"},
    {Count::scrap_requests, 2, Group::scrap_buffers, Role::page_request, "scrap buffers grown and shrunk"},
    {Count::scrap_buffers_created, 3, Group::scrap_buffers, Role::allocation, "scrap buffers created"},
    {Count::scrap_buffers_freed, 3, Group::scrap_buffers, Role::release, "scrap buffers freed"},
    {Count::arenas_reserved, 4, Group::pool_memory, Role::allocation, "pool arenas reserved"},
    {Count::arenas_released, 4, Group::pool_memory, Role::release, "pool arenas released"},
    {Count::pool_page_requests, 5, Group::pool_memory, Role::page_request, "pool pages asked for"},
    {Count::pool_pages_committed, 5, Group::pool_memory, Role::other, "pool pages delivered"},
    {Count::backings_reserved, 6, Group::heap_backing, Role::allocation, "heap backings reserved"},
    {Count::backings_released, 6, Group::heap_backing, Role::release, "heap backings released"},
    {Count::heap_tail_requests, 7, Group::heap_tail, Role::page_request, "heap tails grown and shrunk"},
    {Count::heap_interior_requests, 8, Group::heap_interior, Role::page_request, "decommits inside free blocks"},
    {Count::heap_blocks_allocated, 9, Group::heap_blocks, Role::allocation, "heap blocks allocated"},
    {Count::heap_blocks_freed, 9, Group::heap_blocks, Role::release, "heap blocks freed"},
    {Count::small_block_regions, 10, Group::crt_small_blocks, Role::allocation, "small-block regions"},
    {Count::small_block_groups, 10, Group::crt_small_blocks, Role::page_request, "small-block groups"},
    {Count::game_blocks_allocated, 0, Group::game_heap, Role::allocation, "game blocks allocated"},
    {Count::game_blocks_freed, 0, Group::game_heap, Role::release, "game blocks freed"},
    {Count::crt_blocks_allocated, 0, Group::crt_heap, Role::allocation, "CRT blocks allocated"},
    {Count::crt_blocks_freed, 0, Group::crt_heap, Role::release, "CRT blocks freed"},
    {Count::scrap_blocks_allocated, 0, Group::scrap_heaps, Role::allocation, "scrap blocks allocated"},
    {Count::scrap_blocks_freed, 0, Group::scrap_heaps, Role::release, "scrap blocks freed"},
    {Count::scrap_heaps_built, 0, Group::scrap_heaps, Role::other, "scrap heaps built"},
    {Count::large_blocks_allocated, 0, Group::none, Role::other, "large blocks allocated"},
    {Count::invalid_pointers, 0, Group::none, Role::other, "invalid pointers given to us"},
    {Count::out_of_memory_stages, 0, Group::none, Role::other, "out-of-memory stages called"},
    {Count::original_kernel_calls, 0, Group::none, Role::kernel_saved, "kernel calls of the original"},
    {Count::kernel_calls, 0, Group::none, Role::kernel_made, "kernel calls of the replacements"},
};
static_assert(std::size(kRecorded) == replace::kCountKinds, "every count is recorded");

constinit session::Writer g_writer;
constinit os::AppendFile g_file;
constinit os::Wakeup g_wakeup;
constinit std::uint64_t g_start_ms = 0;
constinit char g_session_path[os::kMaxPath] = {};
constinit char g_page_path[os::kMaxPath] = {};
constinit std::atomic<bool> g_modules_wanted{false};
constinit std::atomic<bool> g_page_wanted{false};
constinit std::atomic<bool> g_stop{false};
/// What the settings say of the page at the end, handed to the recorder's thread: the settings are the main thread's.
constinit std::atomic<bool> g_page_at_end{false};
constinit std::atomic<bool> g_running{false};

/// Main-loop passes so far, and when the last one was; 0 until the first. Written by the main thread only.
struct Frames {
    std::atomic<std::uint32_t> passes{0};
    std::atomic<std::uint32_t> first_ms{0};  ///< since the session's start
    std::atomic<std::uint32_t> last_ms{0};
};
constinit Frames g_frames;

std::uint64_t now_ms() noexcept {
    return os::uptime_ms() - g_start_ms;
}

State state_of(Group group) noexcept {
    const replace::InstallReport& report = activation().report;
    for (std::size_t i = 0; i < report.group_count; ++i) {
        if (report.groups[i].group == group) {
            using Outcome = patch::GroupOutcome::State;
            switch (report.groups[i].state) {
            case Outcome::installed:
                return State::replaced;
            case Outcome::declined:
                return State::declined;
            case Outcome::not_needed:
                return State::not_needed;
            case Outcome::failed:
                return State::failed;
            }
        }
    }
    return State::not_asked;
}

void write_group(const patch::GroupOutcome& outcome) noexcept {
    char reason[512] = "";
    if (outcome.state == patch::GroupOutcome::State::declined) {
        patch::describe(outcome.report, reason, sizeof reason);
    }
    g_writer.group({.name = game::group_name(outcome.group),
                    .state = state_of(outcome.group),
                    .sites = outcome.sites,
                    .mismatches = outcome.mismatches,
                    .reason = reason});
}

/// A function of a replaced group that is left alone on purpose has no jump of ours.
State state_of(const game::Site& site) noexcept {
    constexpr std::uint8_t kJump = 0xE9;
    const State group = state_of(site.group);
    return group == State::replaced && *game::at<std::uint8_t>(site.va) != kJump ? State::not_asked : group;
}

void write_sites() noexcept {
    for (const game::Site& site : game::kSites) {
        if (site.group == Group::none || site.group == Group::locks || site.group == Group::scrap_heaps_optional) {
            continue;
        }
        g_writer.site({.address = site.va,
                       .pattern = site.mission_pattern,
                       .in_mission = in_mission(site),
                       .state = activation().state == ActivationState::active ? state_of(site) : State::not_asked,
                       .group = game::group_name(site.group),
                       .name = site.name});
    }
    for (const game::PointerSite& slot : game::kPointerSites) {
        g_writer.site({.address = slot.va,
                       .is_slot = true,
                       .state = state_of(slot.group),
                       .group = game::group_name(slot.group),
                       .name = slot.name});
    }
}

void write_settings() noexcept {
    for (const SettingEntry& entry : setting_entries()) {
        char key[96];
        std::snprintf(key, sizeof key, "setting %s %s", entry.section, entry.key);
        g_writer.text(key, entry.text(activation().settings).text);
    }
}

void write_versions(std::uint32_t extender_version) noexcept {
    char text[64];
    g_writer.text("plugin version", MP_VERSION_TEXT);
    std::snprintf(text, sizeof text, "%u.%u.%u", unsigned{extender_version >> 24},
                  unsigned{extender_version >> 16 & 0xFF}, unsigned{extender_version >> 4 & 0xFFF});
    g_writer.text("extender version", text);
    os::ExecutableInfo program;
    if (os::executable_info(&program)) {
        const auto part = [&program](unsigned index) {
            return static_cast<unsigned>(program.file_version >> (16 * (3 - index)) & 0xFFFF);
        };
        std::snprintf(text, sizeof text, "%u.%u.%u.%u", part(0), part(1), part(2), part(3));
        g_writer.text("game version", text);
        g_writer.text("large address aware", program.large_address_aware ? "yes" : "no");
    }
    g_writer.text("system",
                  os::page_map_overstates() ? "Wine: reserved memory and holes cannot be measured" : "Windows");
    g_writer.text("mode", mode_name(activation().settings.mode));
    char health[256];
    describe_health(health, sizeof health);
    g_writer.text("activation", health);
    g_writer.text("moment", activation().moment == Moment::preload ? "Preload" : "Load");
    std::snprintf(text, sizeof text, "%u", unsigned{replace::patch_count()});
    g_writer.text("patch count", text);
}

void describe_session(std::uint32_t extender_version) noexcept {
    write_versions(extender_version);
    write_settings();
    const replace::InstallReport& report = activation().report;
    for (std::size_t i = 0; i < report.group_count; ++i) {
        write_group(report.groups[i]);
    }
    write_sites();
    for (std::size_t i = 0; i < std::size(kRecorded); ++i) {
        const Recorded& recorded = kRecorded[i];
        g_writer.counter({.index = static_cast<std::uint16_t>(i),
                          .pattern = recorded.pattern,
                          .role = recorded.role,
                          .site = 0,
                          .group = recorded.group == Group::none ? "" : game::group_name(recorded.group),
                          .name = recorded.name});
    }
    g_writer.buckets(replace::kSizeBounds);
}

bool contains_ignoring_case(const char* text, const char* part) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (; *text != '\0'; ++text) {
        std::size_t i = 0;
        while (part[i] != '\0' && lower(text[i]) == part[i]) {
            ++i;
        }
        if (part[i] == '\0') {
            return true;
        }
    }
    return false;
}

session::ModuleKind kind_of(const os::LoadedModule& module, const char* name) noexcept {
    if (module.base == game::kImageBase) {
        return session::ModuleKind::game;
    }
    if (contains_ignoring_case(module.path, "\\nvse\\plugins\\")) {
        return session::ModuleKind::plugin;
    }
    if (contains_ignoring_case(name, "nvse")) {
        return session::ModuleKind::extender;
    }
    return contains_ignoring_case(module.path, "\\windows\\") ? session::ModuleKind::system
                                                              : session::ModuleKind::other;
}

void write_module(void* /*context*/, const os::LoadedModule& module) noexcept {
    const char* separator = std::strrchr(module.path, '\\');
    const char* name = separator != nullptr ? separator + 1 : module.path;
    g_writer.module({.base = static_cast<std::uint32_t>(module.base),
                     .size = static_cast<std::uint32_t>(module.size),
                     .version = module.version,
                     .kind = kind_of(module, name),
                     .name = name});
}

void write_sample() noexcept {
    const replace::Statistics statistics = replace::statistics();
    mp_alloc_stats allocator{};
    mp_stats(&allocator);
    const AddressSpace space = look_at_address_space();
    session::Figures figures;
    figures.time_ms = now_ms();
    figures.committed_bytes = space.committed;
    figures.reserved_bytes = space.reserved.value_or(session::kNotMeasured);
    figures.largest_hole = space.largest_hole.value_or(session::kNotMeasured);
    if (activation().state == ActivationState::active) {
        figures.own_committed_bytes = allocator.committed_bytes;
        figures.own_reserved_bytes = allocator.reserved_bytes;
        // What is committed and not free: blocks, and what the allocator holds in its caches.
        figures.live_bytes = allocator.committed_bytes - allocator.free_bytes;
    }
    figures.total_allocations = statistics.total_allocations;
    figures.total_frees = statistics.total_frees;
    figures.saved_kernel_calls = statistics.saved_syscalls;
    figures.kernel_calls = replace::total(Count::kernel_calls) + allocator.map_calls + allocator.unmap_calls;
    figures.failed_allocations = allocator.failures;
    if (const std::uint32_t passes = g_frames.passes.load(std::memory_order_acquire); passes != 0) {
        figures.frames = passes - 1;  // a frame lies between two passes
        figures.frame_ns = std::uint64_t{g_frames.last_ms.load(std::memory_order_relaxed) -
                                         g_frames.first_ms.load(std::memory_order_relaxed)} *
                           1'000'000;
    }
    std::array<std::uint64_t, std::size(kRecorded)> counters{};
    for (std::size_t i = 0; i < counters.size(); ++i) {
        counters[i] = replace::total(kRecorded[i].count);
    }
    g_writer.sample(figures, counters, replace::size_histogram());
}

void serve_requests() noexcept {
    if (g_modules_wanted.exchange(false)) {
        g_writer.event(now_ms(), session::Severity::note, "main loop reached");
        os::each_module(&write_module, nullptr);
    }
    if (g_page_wanted.exchange(false) && !write_page(g_session_path, g_page_path)) {
        log::line("the page %s could not be written; mpnvse report makes it from %s", g_page_path, g_session_path);
    }
}

void run(void* /*context*/) noexcept {
    while (!g_stop.load() && g_writer.is_open()) {
        write_sample();
        serve_requests();
        g_wakeup.wait(kIntervalMs);
    }
    write_sample();
    serve_requests();
    g_writer.end(now_ms());
    g_file.close();
    if (g_page_at_end.load() && !write_page(g_session_path, g_page_path)) {
        log::line("the page %s could not be written; mpnvse report makes it from %s", g_page_path, g_session_path);
    }
    g_running.store(false);
}

/// The session before this one is kept: it may have crashed, or is the other side of a comparison.
void keep_previous() noexcept {
    static char previous[os::kMaxPath];
    if (log::path_beside(".previous.mpsession", previous, sizeof previous)) {
        os::replace_file(g_session_path, previous);
    }
}

bool open_file() noexcept {
    const session::Sink sink{[](void* file, const void* data, std::size_t size) {
                                 return static_cast<os::AppendFile*>(file)->write(data, size);
                             },
                             &g_file};
    return log::path_beside(".mpsession", g_session_path, sizeof g_session_path) &&
           log::path_beside(".html", g_page_path, sizeof g_page_path) &&
           (keep_previous(), g_file.create(g_session_path)) &&
           g_writer.open(sink, {.start_unix_ms = os::unix_time_ms(), .interval_ms = kIntervalMs, .process_id = 0});
}

}  // namespace

AddressSpace look_at_address_space() noexcept {
    AddressSpace space;
    std::uint64_t reserved = 0;
    std::uint64_t hole = 0;
    os::RegionInfo region;
    for (std::uintptr_t at = os::kGranule; os::query(reinterpret_cast<const void*>(at), &region);) {
        const std::uintptr_t end = region.base + region.size;
        if (end <= at) {
            break;  // the end of the address space
        }
        if (region.state == os::PageState::free) {
            hole = region.size > hole ? region.size : hole;
        } else {
            reserved += region.size;
            space.committed += region.state == os::PageState::committed ? region.size : 0;
        }
        at = end;
    }
    if (!os::page_map_overstates()) {
        space.reserved = reserved;
        space.largest_hole = hole;
    }
    return space;
}

void start(std::uint32_t extender_version) noexcept {
    const ActivationState state = activation().state;
    const bool known_game = state == ActivationState::active || state == ActivationState::switched_off;
    if (g_running.load() || !known_game || !activation().settings.record_session) {
        return;
    }
    g_start_ms = os::uptime_ms();
    if (!open_file()) {
        log::line("the session cannot be recorded: no file beside the log");
        g_session_path[0] = g_page_path[0] = '\0';
        return;
    }
    describe_session(extender_version);
    g_stop.store(false);
    g_page_at_end.store(activation().settings.page_at_exit);
    g_running.store(true);
    if (!g_wakeup.create() || !os::start_background_thread([](void* context) { run(context); }, nullptr)) {
        g_running.store(false);
        log::line("the session cannot be recorded: the system gives no thread");
        return;
    }
    log::line("recording the session: %s", g_session_path);
}

void on_frame() noexcept {
    const auto now = static_cast<std::uint32_t>(now_ms());
    const std::uint32_t passes = g_frames.passes.load(std::memory_order_relaxed);
    if (passes == 0) {
        g_frames.first_ms.store(now, std::memory_order_relaxed);
    }
    g_frames.last_ms.store(now, std::memory_order_relaxed);
    g_frames.passes.store(passes + 1, std::memory_order_release);
}

void on_main_loop() noexcept {
    g_modules_wanted.store(true);
    g_wakeup.wake();
}

bool is_recording() noexcept {
    return g_running.load();
}

void request_page() noexcept {
    g_page_wanted.store(true);
    g_wakeup.wake();
}

void stop() noexcept {
    if (!g_running.load()) {
        return;
    }
    g_page_at_end.store(activation().settings.page_at_exit);
    g_stop.store(true);
    g_wakeup.wake();
    for (std::uint32_t waited = 0; g_running.load() && waited < kPatienceMs; waited += 10) {
        os::sleep_ms(10);
    }
    log::line(g_running.load() ? "the report is not ready in time; mpnvse report makes it from %s" : "session: %s",
              g_session_path);
    if (!g_running.load() && activation().settings.page_at_exit) {
        log::line("report: %s", g_page_path);
    }
}

const char* session_path() noexcept {
    return g_session_path;
}
const char* page_path() noexcept {
    return g_page_path;
}

}  // namespace mp::plugin::recorder
