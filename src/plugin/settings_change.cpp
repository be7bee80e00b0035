#include "plugin/settings_change.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "plugin/activation.h"
#include "plugin/give_back.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/settings.h"
#include "plugin/version.h"
#include "replace/quarantine.h"

namespace mp::plugin {

namespace {

/// To the log and into the session as well.
MP_PRINTF(2, 3) void announce(Tell tell, const char* format, ...) noexcept {
    char line[512];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log::line("%s", line);
    recorder::note("settings", line);
    tell_line(tell, "%s", line);
}

bool same(const SettingText& a, const SettingText& b) noexcept {
    return std::strcmp(a.text, b.text) == 0;
}

bool can_take_now(const SettingEntry& entry, const SettingText& wanted) noexcept {
    return entry.change == Change::at_once || (entry.change == Change::off_at_once && wanted.text[0] == '0');
}

/// What follows from a difference; everything else is read from the settings when it is needed.
void put_into_effect(const Settings& before, const Settings& now) noexcept {
    if (before.quarantine_kb != now.quarantine_kb) {
        replace::set_quarantine(now.quarantine_kb);
    }
    give_back::set_delay(now.keep_freed_seconds);
    if (before.record_session && !now.record_session) {
        recorder::stop();
    }
}

/// Takes a value over, if it can be taken over now.
bool take(const SettingEntry& entry, const SettingText& wanted, Tell tell) noexcept {
    const Settings before = activation().settings;
    const SettingText old = entry.text(before);
    if (!can_take_now(entry, wanted)) {
        announce(tell, "[%s] %s: %s needs a restart of the game, with the value in " MP_PLUGIN_NAME ".ini; %s stays",
                 entry.section, entry.key, wanted.text, old.text);
        return false;
    }
    Settings now = before;
    entry.apply(now, wanted.text);
    use_settings(now);
    put_into_effect(before, now);
    announce(tell, "[%s] %s: %s, was %s", entry.section, entry.key, wanted.text, old.text);
    return true;
}

void tell_unknown(const char* key, Tell tell) noexcept {
    announce(tell, "%s is no setting; MemoryPoolSet without arguments lists them", key);
}

void tell_entry(const SettingEntry& entry, Tell tell) noexcept {
    tell_line(tell, "%s = %s (%s); a change takes effect %s", entry.key, entry.text(activation().settings).text,
              entry.values, change_text(entry.change));
}

}  // namespace

bool set_setting(const char* key, const char* value, Tell tell) noexcept {
    const SettingEntry* entry = find_setting(key);
    if (entry == nullptr) {
        tell_unknown(key, tell);
        return false;
    }
    const SettingText old = entry->text(activation().settings);
    Settings wanted = activation().settings;
    if (!entry->apply(wanted, value)) {
        announce(tell, "[%s] %s: \"%s\" is none of: %s; %s stays", entry->section, entry->key, value, entry->values,
                 old.text);
        return false;
    }
    if (same(entry->text(wanted), old)) {
        announce(tell, "[%s] %s: %s already", entry->section, entry->key, old.text);
        return true;
    }
    return take(*entry, entry->text(wanted), tell);
}

double tell_setting(const char* key, Tell tell) noexcept {
    const SettingEntry* entry = find_setting(key);
    if (entry == nullptr) {
        tell_unknown(key, tell);
        return 0;
    }
    tell_entry(*entry, tell);
    return std::atof(entry->text(activation().settings).text);
}

void list_settings(Tell tell) noexcept {
    for (const SettingEntry& entry : setting_entries()) {
        tell_entry(entry, tell);
    }
}

void reload_changed_settings(Tell tell) noexcept {
    static char path[kLongestSettingsPath];
    const SettingsResult file = read_settings_file(path);
    const Settings& before = activation().in_file;
    const bool changed = file.file.state != FileState::unreadable &&
                         std::ranges::any_of(setting_entries(), [&](const SettingEntry& entry) {
                             return !same(entry.text(file.settings), entry.text(before));
                         });
    if (changed) {
        reload_settings(tell);
    }
}

void reload_settings(Tell tell) noexcept {
    static char path[kLongestSettingsPath];
    const SettingsResult file = read_settings_file(path);
    announce(tell, "settings read again: %s%s", path, file_text(file).text);
    if (file.file.state == FileState::unreadable) {
        announce(tell, "settings: those in use stay");
        return;
    }
    note_settings_in_file(file.settings);
    for (std::size_t i = 0; i < file.problem_count && i < std::size(file.problems); ++i) {
        announce(tell, MP_PLUGIN_NAME ".ini(%d): %s", file.problems[i].line, file.problems[i].text);
    }
    unsigned changed = 0;
    unsigned waiting = 0;
    for (const SettingEntry& entry : setting_entries()) {
        const SettingText wanted = entry.text(file.settings);
        if (!same(wanted, entry.text(activation().settings))) {
            ++(take(entry, wanted, tell) ? changed : waiting);
        }
    }
    announce(tell, "settings: %u changed, %u need a restart, %u lines of the file not used", changed, waiting,
             static_cast<unsigned>(file.problem_count));
}

}  // namespace mp::plugin
