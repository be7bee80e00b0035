#include "plugin/extender.h"

#include <utility>

#include "alloc/mp_alloc.h"
#include "game/addresses.h"
#include "plugin/activation.h"
#include "plugin/announce.h"
#include "plugin/commands.h"
#include "plugin/console.h"
#include "plugin/findings.h"
#include "plugin/give_back.h"
#include "plugin/listening.h"
#include "plugin/loading_screen.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/refusals.h"
#include "plugin/rivals.h"
#include "plugin/settings_change.h"
#include "plugin/version.h"
#include "replace/counters.h"
#include "replace/install.h"
#include "replace/original_calls.h"
#include "replace/pressure.h"
#include "replace/scrap_heaps.h"
#include "replace/thread_state.h"

namespace mp::plugin {

namespace {

struct VersionText {
    unsigned major, minor, build;
};

VersionText unpack(std::uint32_t version) noexcept {
    return {version >> 24, version >> 16 & 0xFF, version >> 4 & 0xFFF};
}

/// Whether this extender or program cannot be served; the log says why.
bool refuse(const nvse::Interface& extender) noexcept {
    if (extender.nvse_version < nvse::kOldestSupported) {
        const VersionText found = unpack(extender.nvse_version);
        const VersionText needed = unpack(nvse::kOldestSupported);
        log::line("REFUSED: xNVSE %u.%u.%u is too old; install %u.%u.%u or newer (6.4.5 or newer recommended)",
                  found.major, found.minor, found.build, needed.major, needed.minor, needed.build);
        return true;
    }
    if (extender.runtime_version != game::kGameVersion) {
        log::line("REFUSED: game runtime 0x%08X, expected 0x%08X (1.4.0.525)", unsigned{extender.runtime_version},
                  unsigned{game::kGameVersion});
        return true;
    }
    return false;
}

/// Main thread.
void tell_in_console(const char* line) noexcept {
    console::print("%s", line);
}

/// Every plugin is loaded, and the console works from here on.
void on_main_loop_reached() noexcept {
    recorder::on_main_loop();
    if (activation().state == ActivationState::active) {
        give_back::start();
    }
    replace::look_for_changes();
    log::line("main loop reached; patch count %u of %u", unsigned{replace::patch_count()},
              unsigned{game::kMissionCount});
    announce();
    findings::announce();
    look_again();
    if (!listening::is_reached_by_name()) {
        console::tell(MP_PLUGIN_NAME ": ReloadPluginConfig does not reach it, because a plugin failed to load; a "
                                     "changed " MP_PLUGIN_NAME
                                     ".ini is read at the end of a loading screen, or by MemoryPoolReport");
    }
}

/// A moment at which nobody waits for a frame.
void on_end_of_loading() noexcept {
    if (hooks_in_place()) {
        replace::prepare_for_pressure();
        replace::original::look_at_live_blocks();
    }
    look_again();
    if (!listening::is_reached_by_name()) {
        reload_changed_settings(&tell_in_console);
    }
}

void on_message(nvse::Message* message) {
    const bool loading_ends = loading_screen::ends_with(*message);
    recorder::on_loading_screen(loading_screen::is_on());
    if (loading_ends) {
        findings::on_end_of_loading();
        on_end_of_loading();
    }
    switch (message->type) {
    case nvse::kMessageMainGameLoop:
        recorder::on_frame();
        findings::on_frame(loading_screen::is_on());
        console::tell_waiting();
        break;
    case nvse::kMessageDeferredInit:
        on_main_loop_reached();
        break;
    case nvse::kMessageReloadConfig:
        reload_settings(&tell_in_console);
        break;
    case nvse::kMessageExitGame:
    case nvse::kMessageExitGameConsole:
        findings::on_exit();
        recorder::stop();
        break;
    default:
        break;
    }
}

void log_extender(const nvse::Interface& extender) noexcept {
    const VersionText version = unpack(extender.nvse_version);
    log::line("xNVSE %u.%u.%u, game runtime 0x%08X", version.major, version.minor, version.build,
              unsigned{extender.runtime_version});
    if (activation().moment == Moment::load && extender.nvse_version < nvse::kPreloadAlways) {
        log::line("note: Preload is reliable from xNVSE 6.4.5 on; with it every allocation of the game is covered");
    }
}

}  // namespace

// A second copy in the process touches nothing, not even a file, and registers no command: those of the first answer.
// The first one says so.

bool on_preload() noexcept {
    if (claim_process()) {
        activate(Moment::preload);
    }
    return true;
}

bool on_query(const nvse::Interface* extender, nvse::PluginInfo* info) noexcept {
    info->info_version = nvse::PluginInfo::kInfoVersion;
    info->name = MP_PLUGIN_NAME;
    info->version = MP_VERSION_NUMBER;
    if (extender->is_editor != 0) {
        return true;  // without a log: the one of the last game must not be lost
    }
    if (!claim_process()) {
        return true;
    }
    log::open();
    const bool refused = refuse(*extender);
    // A plugin that fails its Query is unloaded; with hooks in the game's code that would be fatal.
    return !refused || hooks_in_place();
}

bool on_load(const nvse::Interface* extender) noexcept {
    if (extender->is_editor != 0) {
        register_commands(*extender);  // so that the editor compiles scripts that use them
        return true;
    }
    static bool loaded = false;
    if (!claim_process() || std::exchange(loaded, true)) {
        return true;
    }
    activate(Moment::load);
    log_extender(*extender);
    take_heap_memory();
    register_commands(*extender);
    recorder::start(extender->nvse_version);
    if (!listening::start(*extender, &on_message)) {
        log::line("no messages from xNVSE: registering a listener failed");
    }
    return true;
}

void on_thread_end() noexcept {
    replace::release_thread_scrap_heap();
    mp_thread_end();
    replace::end_thread_state();
}

void on_process_end() noexcept {
    // First: the threads that the system has just ended may have held the allocator's locks.
    mp_process_end();
    deactivate_at_process_end();
}

}  // namespace mp::plugin
