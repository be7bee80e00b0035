#include "plugin/recorder.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <span>

#include "alloc/mp_alloc.h"
#include "game/addresses.h"
#include "game/call.h"
#include "os/background.h"
#include "os/executable.h"
#include "os/os.h"
#include "patch/text.h"
#include "plugin/console.h"
#include "plugin/files.h"
#include "plugin/health.h"
#include "plugin/last_session.h"
#include "plugin/log.h"
#include "plugin/page_file.h"
#include "plugin/state.h"
#include "plugin/tell.h"
#include "plugin/version.h"
#include "replace/counters.h"
#include "replace/install.h"
#include "replace/original_calls.h"
#include "replace/statistics.h"
#include "session/frame_times.h"
#include "session/mailbox.h"
#include "session/space_watch.h"
#include "session/writer.h"

namespace mp::plugin::recorder {

namespace {

using game::Group;
using replace::Count;

constexpr std::uint32_t kIntervalMs = 1000;
constexpr std::uint32_t kPatienceMs = 3000;

/// A column: "heap blocks 9 allocated", "game heap freed", or `what` alone. The page shows what is allocated, freed and
/// asked for under its pattern or front door.
struct Recorded {
    Count count;
    std::uint8_t pattern;
    Group group;
    const char* what;
};

constexpr Recorded kRecorded[] = {
    {Count::media_buffers_allocated, 1, Group::media_samples, "allocated"},
    {Count::media_buffers_freed, 1, Group::media_samples, "freed"},
    {Count::scrap_requests, 2, Group::scrap_buffers, "page requests"},
    {Count::scrap_buffers_created, 3, Group::scrap_buffers, "allocated"},
    {Count::scrap_buffers_freed, 3, Group::scrap_buffers, "freed"},
    {Count::arenas_reserved, 4, Group::pool_memory, "allocated"},
    {Count::arenas_released, 4, Group::pool_memory, "freed"},
    {Count::pool_page_requests, 5, Group::pool_memory, "page requests"},
    {Count::pool_pages_committed, 5, Group::pool_memory, "pages delivered"},
    {Count::backings_reserved, 6, Group::heap_backing, "allocated"},
    {Count::backings_released, 6, Group::heap_backing, "freed"},
    {Count::heap_tail_requests, 7, Group::heap_tail, "page requests"},
    {Count::heap_interior_requests, 8, Group::heap_interior, "page requests"},
    {Count::heap_blocks_allocated, 9, Group::heap_blocks, "allocated"},
    {Count::heap_blocks_freed, 9, Group::heap_blocks, "freed"},
    {Count::small_block_regions, 10, Group::crt_small_blocks, "allocated"},
    {Count::small_block_groups, 10, Group::crt_small_blocks, "page requests"},
    {Count::game_blocks_allocated, 0, Group::game_heap, "allocated"},
    {Count::game_blocks_freed, 0, Group::game_heap, "freed"},
    {Count::crt_blocks_allocated, 0, Group::crt_heap, "allocated"},
    {Count::crt_blocks_freed, 0, Group::crt_heap, "freed"},
    {Count::scrap_blocks_allocated, 0, Group::scrap_heaps, "allocated"},
    {Count::scrap_blocks_freed, 0, Group::scrap_heaps, "freed"},
    {Count::scrap_heaps_built, 0, Group::scrap_heaps, "built"},
    {Count::scrap_steps, 0, Group::scrap_heaps, "page requests"},
    {Count::large_blocks_allocated, 0, Group::none, "large blocks"},
    {Count::invalid_pointers, 0, Group::none, "invalid pointers given to us"},
    {Count::out_of_memory_stages, 0, Group::none, "out-of-memory stages called"},
    {Count::original_kernel_calls, 0, Group::none, "kernel calls of the original"},
    {Count::kernel_calls, 0, Group::none, "kernel calls of the replacements"},
};
static_assert(std::size(kRecorded) == replace::kCountKinds, "every count is recorded");
static_assert(std::size(kRecorded) + replace::kSizeBounds.size() + session::kFrameBounds.size() + 24 <=
                  session::kMaxColumns,
              "with the other figures");

constinit session::Writer g_writer;
constinit session::Mailbox g_mailbox;
constinit os::AppendFile g_file;
constinit os::FileError g_write_error = 0;  ///< of the last write
constinit char g_fault[256] = {};           ///< written before g_running changes
constinit os::Wakeup g_wakeup;
constinit std::uint64_t g_start_ms = 0;
constinit char g_session_path[os::kMaxPath] = {};
constinit char g_page_path[os::kMaxPath] = {};
constinit std::atomic<bool> g_in_main_loop{false};
constinit std::atomic<bool> g_modules_wanted{false};
constinit std::atomic<bool> g_page_wanted{false};
constinit std::atomic<bool> g_stop{false};
/// What the settings say of the page at the end, handed to the recorder's thread: the settings are the main thread's.
constinit std::atomic<bool> g_page_at_end{false};
constinit std::atomic<bool> g_page_made{false};  ///< the last one that was tried
constinit std::atomic<bool> g_running{false};
constinit std::atomic<std::uint32_t> g_rounds{0};  ///< that have written every event they found

constinit session::FrameTimes g_frames;
constinit os::AddressSpace g_space;  ///< as the last row has it; the recorder's thread
constinit session::SpaceWatch g_space_watch;
/// The main thread's: whether a loading screen is on, and whether one was since the last pass of the main loop.
constinit bool g_loading = false;
constinit bool g_has_loaded = false;

/// Kind of the events on loading screens, and what the main thread says of them; the recorder's thread adds the memory.
constexpr std::string_view kLoadingScreen = "loading screen";
constexpr const char* kBegan = "began";
constexpr const char* kEnded = "ended";

std::uint64_t now_ms() noexcept {
    return os::uptime_ms() - g_start_ms;
}

MP_PRINTF(1, 2) void set_fault(const char* format, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(g_fault, sizeof g_fault, format, arguments);
    va_end(arguments);
}

MP_PRINTF(2, 3) void say(std::string_view kind, const char* format, ...) noexcept {
    char text[session::kLongestEvent];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    g_writer.event(now_ms(), kind, text);
}

/// Gives each column's name and value now. What this mode or this system does not measure is none.
template <typename Take>
void each_figure(Take take) noexcept {
    os::measure_address_space(&g_space);
    take("functions replaced", replace::patch_count());
    take("front doors replaced", replace::front_doors_taken());
    take("committed KB", g_space.committed >> 10);
    if (!os::page_map_overstates()) {
        take("reserved KB", g_space.reserved >> 10);
        take("largest hole KB", g_space.largest >> 10);
        take("second hole KB", g_space.second >> 10);
    }
    g_frames.each(take);
    if (activation().state != ActivationState::active) {
        return;
    }
    const replace::Statistics statistics = replace::statistics();
    mp_alloc_stats allocator{};
    mp_stats(&allocator);
    take("live KB", replace::original::estimate().live_bytes >> 10);
    take("own committed KB", allocator.committed_bytes >> 10);
    take("own reserved KB", allocator.reserved_bytes >> 10);
    take("allocations", statistics.total_allocations);
    take("frees", statistics.total_frees);
    take("kernel calls saved (estimated)", statistics.saved_syscalls);
    take("kernel calls", replace::total(Count::kernel_calls) + allocator.map_calls + allocator.unmap_calls);
    take("failed allocations", allocator.failures);
    char name[session::kLongestName + 1];
    for (const Recorded& recorded : kRecorded) {
        if (recorded.group != Group::none && activation().report.find(recorded.group) == nullptr) {
            continue;
        }
        patch::Text text(name, sizeof name);
        if (recorded.group != Group::none) {
            text.add(game::group_name(recorded.group)).add(" ");
        }
        if (recorded.pattern != 0) {
            text.add_number(recorded.pattern).add(" ");
        }
        text.add(recorded.what);
        take(name, replace::total(recorded.count));
    }
    const auto sizes = replace::size_histogram();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const bool open = i + 1 == sizes.size();
        const std::uint64_t bound = replace::kSizeBounds[open ? i - 1 : i];
        const unsigned shift = bound >= 1U << 20 ? 20 : bound >= 1024 ? 10 : 0;
        patch::Text(name, sizeof name)
            .add(open ? "above " : "to ")
            .add_number(static_cast<std::uint32_t>(bound >> shift))
            .add(shift == 20   ? " MB"
                 : shift == 10 ? " KB"
                               : " B");
        take(name, sizes[i]);
    }
}

/// A function of a replaced group that is left alone on purpose has no jump of ours.
const patch::GroupOutcome* outcome_of(const game::Site& site) noexcept {
    constexpr std::uint8_t kJump = 0xE9;
    const patch::GroupOutcome* outcome = activation().report.find(site.group);
    const bool replaced = outcome != nullptr && outcome->state == patch::GroupOutcome::State::installed;
    return replaced && *game::at<std::uint8_t>(site.va) != kJump ? nullptr : outcome;
}

void say_function(game::Addr va, const patch::GroupOutcome* outcome, std::string_view name, Group group,
                  unsigned pattern) noexcept {
    char kind[32];
    std::snprintf(kind, sizeof kind, "function 0x%08X", unsigned{va});
    char shown[24] = "";
    if (pattern != 0) {
        std::snprintf(shown, sizeof shown, "; pattern %u", pattern);
    }
    const std::string_view of = game::group_name(group);
    say(kind, "%s; %.*s; %.*s%s", outcome_name(outcome), static_cast<int>(name.size()), name.data(),
        static_cast<int>(of.size()), of.data(), shown);
}

void say_groups() noexcept {
    for (const patch::GroupOutcome& outcome : activation().report.outcomes()) {
        char kind[64];
        patch::Text(kind, sizeof kind).add("group ").add(game::group_name(outcome.group));
        char text[512];
        describe_outcome(outcome, text, sizeof text);
        say(kind, "%s", text);
    }
    for (const game::Site& site : game::kSites) {
        if (site.group != Group::none && site.group != Group::locks && site.group != Group::scrap_heaps_optional) {
            say_function(site.va, outcome_of(site), site.name, site.group, site.mission_pattern);
        }
    }
    for (const game::PointerSite& slot : game::kPointerSites) {
        say_function(slot.va, activation().report.find(slot.group), slot.name, slot.group, 0);
    }
}

void say_start() noexcept {
    const std::chrono::sys_seconds now{std::chrono::seconds(os::unix_time_ms() / 1000)};
    const auto day = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(now - day);
    say("start", "%d-%02u-%02u %02d:%02d:%02d UTC", int{date.year()}, unsigned{date.month()}, unsigned{date.day()},
        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
        static_cast<int>(time.seconds().count()));
}

/// Four parts of 16 bits; "" when it is not known.
struct VersionText {
    char text[32] = "";
    explicit VersionText(std::uint64_t version) noexcept {
        const auto part = [version](unsigned index) { return static_cast<unsigned>(version >> 16 * index & 0xFFFF); };
        if (version != 0) {
            std::snprintf(text, sizeof text, "%u.%u.%u.%u", part(3), part(2), part(1), part(0));
        }
    }
};

void say_versions(std::uint32_t extender_version) noexcept {
    say("plugin version", "%s", MP_VERSION_TEXT);
    say("extender version", "%u.%u.%u", unsigned{extender_version >> 24}, unsigned{extender_version >> 16 & 0xFF},
        unsigned{extender_version >> 4 & 0xFFF});
    os::ExecutableInfo program;
    if (os::executable_info(&program)) {
        say("game version", "%s", VersionText(program.file_version).text);
        say("large address aware", "%s", program.large_address_aware ? "yes" : "no");
    }
    say("system", "%s%s", os::system_version().text,
        os::page_map_overstates() ? ": reserved memory and holes cannot be measured" : "");
}

void describe_session(std::uint32_t extender_version) noexcept {
    say_start();
    say_versions(extender_version);
    say("mode", "%s", mode_name(activation().settings.mode));
    say("moment", "%s", activation().moment == Moment::preload ? "Preload" : "Load");
    for (const SettingEntry& entry : setting_entries()) {
        char kind[96];
        std::snprintf(kind, sizeof kind, "setting %s %s", entry.section, entry.key);
        say(kind, "%s", entry.text(activation().settings).text);
    }
    say_groups();
    char verdict[kLongestVerdict];
    describe_verdict(verdict, sizeof verdict);
    say(session::kVerdict, "%s", verdict);
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

const char* kind_of(const os::LoadedModule& module, const char* name) noexcept {
    if (module.base == game::kImageBase) {
        return "game";
    }
    if (contains_ignoring_case(module.path, "\\nvse\\plugins\\")) {
        return "plugin";
    }
    if (contains_ignoring_case(name, "nvse")) {
        return "extender";
    }
    return contains_ignoring_case(module.path, "\\windows\\") ? "system" : "other";
}

void say_module(void* /*context*/, const os::LoadedModule& module) noexcept {
    const char* name = os::file_name(module.path);
    char kind[128];
    std::snprintf(kind, sizeof kind, "module %s", name);
    say(kind, "%s; %s; 0x%08X", kind_of(module, name), VersionText(module.version).text,
        static_cast<unsigned>(module.base));
}

void write_row() noexcept {
    std::array<std::int64_t, session::kMaxColumns> figures{};
    std::size_t count = 0;
    each_figure([&](const char* /*name*/, auto value) { figures[count++] = static_cast<std::int64_t>(value); });
    g_writer.row(now_ms(), std::span(figures).first(count));
}

/// In the log at once, in the console with the next pass of the main loop. A text as long as g_fault, or shorter.
void tell_player(const char* text) noexcept {
    log::line("%s", text);
    char line[sizeof MP_PLUGIN_NAME ": " + sizeof g_fault];
    std::snprintf(line, sizeof line, MP_PLUGIN_NAME ": %s", text);
    console::tell_soon(line);
}

/// Warnings of what the last row shows.
void warn_of_space() noexcept {
    char text[128];
    if (!os::page_map_overstates() &&
        g_space_watch.look(now_ms(), static_cast<std::int64_t>(g_space.largest >> 10), text)) {
        tell_player(text);
        say(session::kWarning, "%s", text);
    }
}

/// What a loading screen does to the memory, by the recorder's thread.
struct LoadingScreen {
    std::uint64_t began_ms = 0;
    os::AddressSpace before;

    /// "ended; 5123 ms; committed 1200000 KB before, 1300000 KB after; ...": the text of the event that ends it. The
    /// log has it, too.
    void describe_end(std::uint64_t ended_ms, char* text, std::size_t size) const noexcept {
        os::AddressSpace after;
        os::measure_address_space(&after);
        patch::Text line(text, size);
        const auto add = [&line](std::uint64_t number, const char* what) {
            line.add_number(static_cast<std::uint32_t>(number)).add(what);
        };
        line.add(kEnded).add("; ");
        add(ended_ms - began_ms, " ms; committed ");
        add(before.committed >> 10, " KB before, ");
        add(after.committed >> 10, " KB after");
        if (!os::page_map_overstates()) {
            line.add("; largest hole ");
            add(before.largest >> 10, " KB before, ");
            add(after.largest >> 10, " KB after");
        }
        log_end(ended_ms - began_ms, after);
    }

private:
    void log_end(std::uint64_t ms, const os::AddressSpace& after) const noexcept {
        char hole[80] = "";
        if (!os::page_map_overstates()) {
            std::snprintf(hole, sizeof hole, "; largest hole %s MB before, %s MB after", megabytes(before.largest).text,
                          megabytes(after.largest).text);
        }
        log::line("loading screen, %s ms: committed %s MB before, %s MB after%s", Grouped(ms).text,
                  megabytes(before.committed).text, megabytes(after.committed).text, hole);
    }
};
constinit LoadingScreen g_loading_screen;

/// The text of an event, with what only the recorder's thread knows.
std::string_view completed(session::Mailbox::Event& event) noexcept {
    const std::string_view text(event.text.data(), event.length);
    if (event.kind == kLoadingScreen && text == kBegan) {
        g_loading_screen.began_ms = event.ms;
        os::measure_address_space(&g_loading_screen.before);
    } else if (event.kind == kLoadingScreen && text == kEnded) {
        g_loading_screen.describe_end(event.ms, event.text.data(), event.text.size());
        return event.text.data();
    }
    return text;
}

void write_events() noexcept {
    for (session::Mailbox::Event event; g_mailbox.take(event);) {
        g_writer.event(event.ms, event.kind, completed(event));
    }
    if (const std::uint32_t lost = g_mailbox.lost(); lost != 0) {
        say("note", "%u events came too fast to be written down", unsigned{lost});
    }
    if (g_modules_wanted.exchange(false)) {
        os::each_module(&say_module, nullptr);
    }
}

void make_page() noexcept {
    const PageWritten written = write_page(g_session_path, g_page_path);
    g_page_made.store(written.done);
    if (!written.done) {
        log::line("the page %s could not be written (%s); mpnvse report makes it from %s", g_page_path,
                  written.why.text, g_session_path);
    }
}

/// The disk is full, the drive is gone: log and console say it, and what is there stays readable.
void stop_after_failure() noexcept {
    set_fault("recording stopped after %s: " MP_PLUGIN_NAME "%s cannot be written (%s)", Elapsed(now_ms()).text,
              files::kSession.ending, os::describe(g_write_error).text);
    tell_player(g_fault);
    g_file.close();
    g_running.store(false);
}

void run() noexcept {
    while (!g_stop.load() && g_writer.is_open()) {
        write_events();
        g_rounds.fetch_add(1);
        write_row();
        warn_of_space();
        if (g_page_wanted.exchange(false)) {
            say(session::kPage, "of the session so far");
            make_page();
        }
        if (g_in_main_loop.load()) {
            last_session::look(g_page_at_end.load(), &note);
        }
        g_wakeup.wait(kIntervalMs);
    }
    write_events();
    write_row();
    say(session::kEnd, "in order");
    if (!g_writer.is_open()) {
        stop_after_failure();
        return;
    }
    g_writer.close();
    g_file.close();
    if (g_page_at_end.load() || g_page_wanted.exchange(false)) {
        make_page();
    }
    g_running.store(false);
}

bool open_file() noexcept {
    const files::Begun begun = files::begin(files::kSession, g_file, g_session_path);
    files::beside(g_session_path, files::kPage.ending, g_page_path);
    if (begun.fault[0] != '\0') {
        set_fault("%s", begun.fault);
    }
    if (!begun.done) {
        return false;
    }
    if (begun.kept) {
        files::keep_last(files::kPage, g_page_path);
        last_session::expect(g_session_path);
    }
    g_writer.open({[](void* file, const void* data, std::size_t size) {
                       g_write_error = static_cast<os::AppendFile*>(file)->write(data, size);
                       return g_write_error == 0;
                   },
                   &g_file});
    each_figure([](const char* name, auto /*value*/) { g_writer.column(name); });
    return g_writer.begin();
}

}  // namespace

void start(std::uint32_t extender_version) noexcept {
    const ActivationState state = activation().state;
    const bool known_game = state == ActivationState::active || state == ActivationState::switched_off;
    if (g_running.load() || !known_game || !activation().settings.record_session) {
        return;
    }
    g_start_ms = os::uptime_ms();
    const bool begun = open_file();
    if (begun && !g_writer.is_open()) {
        set_fault(MP_PLUGIN_NAME "%s cannot be written (%s)", files::kSession.ending, os::describe(g_write_error).text);
    }
    if (!g_writer.is_open()) {
        log::line("the session is not recorded: %s", g_fault);
        g_file.close();
        g_session_path[0] = g_page_path[0] = '\0';
        return;
    }
    describe_session(extender_version);
    g_stop.store(false);
    g_page_at_end.store(activation().settings.page_at_exit);
    g_running.store(true);
    if (!g_wakeup.create() || !os::start_background_thread([] { run(); })) {
        g_running.store(false);
        set_fault("the system gives no thread");
        log::line("the session is not recorded: %s", g_fault);
        return;
    }
    log::line("recording the session: %s", g_session_path);
}

void on_frame() noexcept {
    const std::uint64_t stood_still_us = g_frames.pass(os::monotonic_us(), g_has_loaded);
    g_has_loaded = g_loading;
    if (stood_still_us != 0) {
        char text[96];
        std::snprintf(text, sizeof text, "%llu ms without a frame: the game was in the background, or stood still",
                      static_cast<unsigned long long>(stood_still_us / 1000));
        note("pause", text);
    }
}

void on_loading_screen(bool is_on) noexcept {
    if (is_on != g_loading) {
        g_loading = is_on;
        g_has_loaded = true;
        note(kLoadingScreen, is_on ? kBegan : kEnded);
    }
}

void on_main_loop() noexcept {
    g_in_main_loop.store(true);
    g_modules_wanted.store(true);
    note("main loop", "reached");
}

void note(std::string_view kind, const char* text) noexcept {
    if (g_running.load()) {
        g_mailbox.put(now_ms(), kind, text);
        g_wakeup.wake();
    }
}

bool is_recording() noexcept {
    return g_running.load();
}

void wait_until_written(std::uint32_t milliseconds) noexcept {
    // The round that is under way may have passed by what was noted last.
    const std::uint32_t wanted = g_rounds.load() + 2;
    for (std::uint32_t waited = 0; g_running.load() && waited < milliseconds; waited += 10) {
        if (static_cast<std::int32_t>(g_rounds.load() - wanted) >= 0) {
            return;
        }
        g_wakeup.wake();
        os::sleep_ms(10);
    }
}

const char* fault() noexcept {
    return g_fault;
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
    g_page_made.store(false);
    g_stop.store(true);
    g_wakeup.wake();
    for (std::uint32_t waited = 0; g_running.load() && waited < kPatienceMs; waited += 10) {
        os::sleep_ms(10);
    }
    log::line(g_running.load() ? "the report is not ready in time; mpnvse report makes it from %s" : "session: %s",
              g_session_path);
    if (!g_running.load() && g_page_made.load()) {
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
