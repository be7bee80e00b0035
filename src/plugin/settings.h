// The settings table: every key of MemoryPoolNVSE.ini with its default and its text. The shipped
// MemoryPoolNVSE.default.ini is this table printed (tests compare the two), for players to copy; the plugin reads the
// copy alone, so that an update never touches what a player has set, and every default is a compiled one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guard/guarded_blocks.h"
#include "plugin/ini_file.h"

namespace mp::plugin {

enum class Mode : std::uint8_t {
    full,      ///< boundary, and the front doors of the game's heaps: every allocation is ours
    boundary,  ///< the functions in which the game's allocators meet the kernel, and the heaps' blocks
    scrap,     ///< the scrap heaps, their doors and their buffers
    off,       ///< nothing is replaced
};

/// A value as written in the file.
struct SettingText {
    char text[96] = {};
};

struct Settings {
    Mode mode = Mode::full;
    bool restore_at_exit = true;
    std::uint32_t keep_freed_seconds = 10;  ///< how long memory stays readable before the system gets it back
    std::uint32_t quarantine_kb = 1024;     ///< freed blocks a thread holds back before they can be used again
    bool record_session = true;             ///< a sample a second into a file beside the log
    bool page_at_exit = true;               ///< and a page of charts from it when the game ends
    bool diagnose = false;                  ///< the culprit finder
    std::uint32_t guard_one_in = 1000;      ///< of all blocks, behind guard pages
    guard::Sizes guard_sizes{};             ///< and every block of these
    std::uint32_t guarded_mb = 64;          ///< of address space for guarded blocks
    SettingText tolerated{"none"};          ///< modules whose misuses are written down and go on
    bool borders = false;                   ///< all other blocks have a border that is looked at
    bool pass_on = true;                    ///< those of other modules go on to be a crash
};

/// When a change takes effect that is made while the game runs.
enum class Change : std::uint8_t {
    at_once,
    off_at_once,  ///< switching off at once, switching on with the next start
    restart,      ///< with the next start of the game
};

/// The same in words.
const char* change_text(Change change) noexcept;

/// One key of the file.
struct SettingEntry {
    const char* section;
    const char* key;
    const char* default_value;
    const char* values;  ///< what may be written, for the help text and for messages
    const char* help;
    Change change;
    bool (*apply)(Settings& settings, const char* value);  ///< false: not a value of this key
    SettingText (*text)(const Settings& settings);
};

std::span<const SettingEntry> setting_entries() noexcept;

/// By key alone, without regard to case; nullptr when there is none.
const SettingEntry* find_setting(const char* key) noexcept;

/// A line of the file that was not used.
struct SettingProblem {
    int line = 0;  ///< 0: the file as a whole
    char text[160] = {};
};

struct SettingsResult {
    Settings settings;
    IniResult file;
    SettingProblem problems[16];
    std::size_t problem_count = 0;  ///< may exceed the array; the first 16 are kept
};

/// Reads a file; every problem keeps the default. Of a key that stands there twice the first line counts, as with every
/// other plugin's. Cold, one thread at a time.
SettingsResult read_settings(const char* path) noexcept;

/// Writes the default file into `out`; returns its length (without terminator), cut at capacity - 1.
std::size_t default_ini(char* out, std::size_t capacity) noexcept;

/// What came of reading the file, behind its path: "" when all is well.
struct FileText {
    char text[128] = {};
};
FileText file_text(const SettingsResult& result) noexcept;

/// Name of a mode as written in the file.
const char* mode_name(Mode mode) noexcept;

}  // namespace mp::plugin
