#include "plugin/activation.h"

#include <array>
#include <cstdio>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "os/background.h"
#include "os/executable.h"
#include "os/os.h"
#include "os/process.h"
#include "patch/known_edits.h"
#include "patch/verify.h"
#include "plugin/files.h"
#include "plugin/findings.h"
#include "plugin/give_back.h"
#include "plugin/health.h"
#include "plugin/leaks.h"
#include "plugin/log.h"
#include "plugin/refusals.h"
#include "plugin/rivals.h"
#include "plugin/running_image.h"
#include "plugin/tell.h"
#include "plugin/version.h"
#include "replace/counters.h"
#include "replace/diagnosis.h"
#include "replace/heap_memory.h"
#include "replace/quarantine.h"
#include "replace/scrap_buffers.h"
#include "replace/statistics.h"

namespace mp::plugin {

namespace {

/// Leak candidates in the log.
constexpr unsigned kMostLeaks = 20;

/// Any address inside this module.
const void* here() noexcept {
    return &activation();
}

const char* moment_name(Moment moment) noexcept {
    return moment == Moment::preload ? "Preload (before the game's first allocation)"
                                     : "Load (Preload did not run: blocks from before stay the original's)";
}

void log_settings(const SettingsResult& result, const char* path) noexcept {
    log::line("settings: %s%s", path, file_text(result).text);
    for (const SettingEntry& entry : setting_entries()) {
        log::line("  [%s] %s = %s", entry.section, entry.key, entry.text(result.settings).text);
    }
    if (result.file.state == FileState::missing) {
        log::line("  to change one, copy " MP_PLUGIN_NAME ".default.ini to " MP_PLUGIN_NAME ".ini in the same folder");
    }
    for (std::size_t i = 0; i < result.problem_count && i < std::size(result.problems); ++i) {
        log::line("  %s(%d): %s", path, result.problems[i].line, result.problems[i].text);
    }
}

/// For the console: what a player has to know of the file; "" when nothing.
void describe_unused(const SettingsResult& result, char (&out)[kLongestSettingsFault]) noexcept {
    if (result.file.state == FileState::unreadable) {
        std::snprintf(out, sizeof out, MP_PLUGIN_NAME ".ini cannot be read (%s): defaults are used",
                      result.file.reason);
    } else if (result.problem_count != 0) {
        std::snprintf(out, sizeof out, "%u %s of " MP_PLUGIN_NAME ".ini %s not used; " MP_PLUGIN_NAME ".log names %s",
                      static_cast<unsigned>(result.problem_count), result.problem_count == 1 ? "line" : "lines",
                      result.problem_count == 1 ? "was" : "were", result.problem_count == 1 ? "it" : "them");
    }
}

/// Beside the log: when the game crashes, its settings may be others at the next start.
void write_used_settings(const Settings& settings) noexcept {
    os::AppendFile file;
    static char path[os::kMaxPath];
    if (!files::begin(files::kSettings, file, path).done) {
        return;  // the log has them, too, and says why it cannot be written
    }
    const char* section = "";
    for (const SettingEntry& entry : setting_entries()) {
        char lines[256];
        const bool is_new = std::strcmp(section, entry.section) != 0;
        const int length = std::snprintf(lines, sizeof lines, is_new ? "[%s]\r\n%s = %s\r\n" : "%.0s%s = %s\r\n",
                                         entry.section, entry.key, entry.text(settings).text);
        file.write(lines, static_cast<std::size_t>(length));
        section = entry.section;
    }
    file.close();
}

Settings load_settings() noexcept {
    static char path[kLongestSettingsPath];
    const SettingsResult result = read_settings_file(path);
    log_settings(result, path);
    write_used_settings(result.settings);
    describe_unused(result, activation_under_way().settings_fault);
    return result.settings;
}

/// One line a site: its address, its name, how it was proven.
void log_proofs(game::Group group) noexcept {
    for (const patch::Hook& hook : replace::hooks().all()) {
        if (hook.group() == group) {
            const std::string_view name = patch::name_of(hook.va());
            const std::string_view how = patch::proof_name(hook.proof);
            log::line("    0x%08X %.*s: %.*s", unsigned{hook.va()}, static_cast<int>(name.size()), name.data(),
                      static_cast<int>(how.size()), how.data());
        }
    }
}

void log_group(const patch::GroupOutcome& outcome) noexcept {
    const std::string_view name = game::group_name(outcome.group);
    char text[512];
    describe_outcome(outcome, text, sizeof text);
    log::line("  %.*s: %s", static_cast<int>(name.size()), name.data(), text);
    if (outcome.state == patch::GroupOutcome::State::installed) {
        log_proofs(outcome.group);
    }
}

/// What a transaction left, and why.
void log_error(const char* what, const patch::Error& error) noexcept {
    char state[256];
    char reason[512];
    patch::describe(error.aftermath, state, sizeof state);
    patch::describe(error, reason, sizeof reason);
    log::line("%s: %s: %s", what, state, reason);
}

void log_changed_pages() noexcept {
    char text[512];
    if (describe_changed_pages(text, sizeof text) == 0) {
        return;
    }
    log::line("%s", text);
    static std::array<patch::ChangedPage, 2 * patch::kMaxHooks> pages;  // too large for a game thread's stack
    const std::size_t count = patch::mend_pages(pages);
    for (std::size_t i = 0; i < count && i < pages.size(); ++i) {
        patch::describe(pages[i], text, sizeof text);
        log::line("  %s", text);
    }
}

/// Functions of the game that cannot be called because nothing proves what they pop.
void log_helpers(const replace::HelperReports& reports) noexcept {
    for (const patch::SiteReport& helper : reports) {
        if (helper.finding != patch::Finding::ok) {
            char text[512];
            patch::describe(helper, text, sizeof text);
            log::line("  not called: %s", text);
        }
    }
}

void log_report(const replace::InstallReport& report) noexcept {
    for (const patch::GroupOutcome& outcome : report.outcomes()) {
        log_group(outcome);
    }
    log_helpers(report.helpers);
    if (report.has_error()) {
        log_error("installation", report.error);
    }
    log_changed_pages();
    log::line("patch count %u of %u, front doors %u of %u, %u sites in all", unsigned{replace::patch_count()},
              unsigned{game::kMissionCount}, unsigned{replace::front_doors_taken()}, unsigned{game::kFrontDoorCount},
              static_cast<unsigned>(replace::installed_sites()));
}

/// What the settings ask for. Builders of heaps and pools can only be replaced before they have run.
replace::Extent extent_of_mode() noexcept {
    if (activation().settings.mode == Mode::boundary) {
        return replace::Extent::boundary;
    }
    if (activation().settings.mode == Mode::scrap) {
        return replace::Extent::scrap;
    }
    const bool early = activation().moment == Moment::preload;
    return early ? replace::Extent::full_and_builders : replace::Extent::full;
}

/// Changes that others make legitimately: not our concern, but a reader of the log wants to know them.
void log_known_edits() noexcept {
    const patch::ProcessImage image;
    for (const patch::EditReport& edit : patch::known_edits(image)) {
        if (edit.present) {
            char text[256];
            patch::describe(edit, text, sizeof text);
            log::line("image: %s", text);
        }
    }
}

ActivationState try_install() noexcept {
    const ImageCheck check = check_running_image();
    char text[256];
    describe(check, text, sizeof text);
    log::line("image: %s", text);
    if (check.problem != ImageProblem::none) {
        log::line("REFUSED: the game runs on with its own memory system");
        return ActivationState::refused_image;
    }
    log_known_edits();
    if (const char* rival = loaded_rival(); rival != nullptr) {
        log::line("REFUSED: %s is loaded and replaces the same functions; remove one of the two", rival);
        activation_under_way().rival = rival;
        return ActivationState::refused_other;
    }
    if (!os::pin_module_of(here())) {
        log::line("REFUSED: this module could not be pinned in memory");
        return ActivationState::nothing_fits;
    }
    refusals::listen();
    findings::start(activation().settings);
    replace::set_quarantine(activation().settings.quarantine_kb);
    give_back::set_delay(activation().settings.keep_freed_seconds);
    if (activation().settings.mode == Mode::scrap) {
        replace::keep_few_idle_scrap_buffers();
    }
    const replace::Extent extent = extent_of_mode();
    const std::uint64_t begin = os::monotonic_us();
    activation_under_way().report = replace::install(extent);
    const std::uint64_t duration = os::monotonic_us() - begin;
    log_report(activation().report);
    log::line("installation took %u.%02u ms", static_cast<unsigned>(duration / 1000),
              static_cast<unsigned>(duration % 1000 / 10));
    return replace::installed_sites() != 0 ? ActivationState::active : ActivationState::nothing_fits;
}

void log_statistics() noexcept {
    const replace::Statistics s = replace::statistics();
    const auto print = [](const char* name, std::integral auto value, bool estimated = false) noexcept {
        log::line("  %s %s%s", name, estimated ? "about " : "", Grouped(value).text);
    };
    log::line("statistics of the session:");
    print("totalAllocations", s.total_allocations);
    print("totalFrees", s.total_frees);
    print("poolAllocations", s.pool_allocations, s.estimated);
    print("regionAllocations", s.region_allocations);
    print("alignedAllocations", s.aligned_allocations, s.estimated);
    print("largeAllocations", s.large_allocations);
    print("pageOps", s.page_ops, s.estimated);
    print("savedSyscalls", s.saved_syscalls, true);
    mp_alloc_stats memory{};
    mp_stats(&memory);
    log::line("memory of the allocator: %s MB committed (peak %s), %s MB of them free, %s MB reserved (peak %s)",
              megabytes(memory.committed_bytes).text, megabytes(memory.peak_committed_bytes).text,
              megabytes(memory.free_bytes).text, megabytes(memory.reserved_bytes).text,
              megabytes(memory.peak_reserved_bytes).text);
}

}  // namespace

const Activation& activate(Moment moment) noexcept {
    if (activation().state != ActivationState::not_tried) {
        return activation();
    }
    log::open();
    log::line("activation: %s", moment_name(moment));
    activation_under_way().moment = moment;
    activation_under_way().settings = load_settings();
    activation_under_way().in_file = activation().settings;
    if (activation().settings.mode == Mode::off) {
        activation_under_way().state = ActivationState::switched_off;
    } else {
        activation_under_way().state = try_install();
    }
    char verdict[kLongestVerdict];
    describe_verdict(verdict, sizeof verdict);
    log::line("%s", verdict);
    return activation();
}

void take_heap_memory() noexcept {
    const replace::HeapMemory taken = replace::take_heap_memory(replace::hooks());
    if (taken.reserved != 0) {
        log::line("the game's heaps: %u MB of their address space, %u MB of it committed, serve the allocator",
                  unsigned{taken.reserved >> 20}, unsigned{taken.committed >> 20});
    }
}

SettingsResult read_settings_file(char (&path)[kLongestSettingsPath]) noexcept {
    constexpr const char* kInGame = "Data\\NVSE\\Plugins\\" MP_PLUGIN_NAME ".ini";
    constexpr const char* kBesideModule = MP_PLUGIN_NAME ".ini";
    static_assert(kLongestSettingsPath > os::kMaxPath + sizeof(MP_PLUGIN_NAME ".ini") + sizeof("Data/NVSE/Plugins/"));
    if (os::executable_folder(path, os::kMaxPath)) {
        const SettingsResult result = read_settings(std::strcat(path, kInGame));
        if (result.file.state != FileState::missing) {
            return result;
        }
    }
    if (!os::module_folder(here(), path, os::kMaxPath)) {
        path[0] = '\0';
    }
    return read_settings(std::strcat(path, kBesideModule));
}

void deactivate_at_process_end() noexcept {
    if (activation().state == ActivationState::not_tried) {
        return;
    }
    log_statistics();
    if (replace::is_diagnosing()) {
        findings::sum_up();
        leaks::tell(kMostLeaks, [](const char* line) { log::line("%s", line); });
    }
    if (!activation().settings.restore_at_exit || !hooks_in_place()) {
        return;
    }
    const replace::RestoreReport report = replace::restore_at_process_end();
    if (report.has_error) {
        log_error("restore", report.error);
    } else if (report.left_alone != 0) {
        char text[512];
        patch::describe(report.error, text, sizeof text);
        log::line("restore: %s", text);
    }
    log_changed_pages();
    if (report.live_blocks != 0) {
        log::line("restore: %llu blocks are still in use; the functions that free them stay replaced",
                  static_cast<unsigned long long>(report.live_blocks));
    }
    log::line("restored; %u sites stay replaced until the process is gone",
              static_cast<unsigned>(replace::installed_sites()));
}

}  // namespace mp::plugin
