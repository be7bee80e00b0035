#include "plugin/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "guard/guarded_blocks.h"
#include "os/compiler.h"
#include "plugin/give_back.h"
#include "replace/quarantine.h"

namespace mp::plugin {

namespace {

bool apply_mode(Settings& settings, const char* value) {
    for (const Mode mode : {Mode::full, Mode::boundary, Mode::scrap, Mode::off}) {
        if (equal_ignoring_case(value, mode_name(mode))) {
            settings.mode = mode;
            return true;
        }
    }
    return false;
}

bool parse_switch(const char* value, bool& out) noexcept {
    if (std::strcmp(value, "0") != 0 && std::strcmp(value, "1") != 0) {
        return false;
    }
    out = value[0] == '1';
    return true;
}

/// A whole number from `smallest` to `largest`, nothing before or after it.
bool parse_number(const char* value, std::uint32_t largest, std::uint32_t& out, std::uint32_t smallest = 0) noexcept {
    std::uint32_t number = 0;
    const char* end = value + std::strlen(value);
    const auto [stopped, error] = std::from_chars(value, end, number);
    if (error != std::errc{} || stopped != end || number > largest || number < smallest) {
        return false;
    }
    out = number;
    return true;
}

SettingText text_of(const char* text) noexcept {
    SettingText result;
    std::snprintf(result.text, sizeof result.text, "%s", text);
    return result;
}

SettingText text_of(std::uint32_t number) noexcept {
    SettingText result;
    std::snprintf(result.text, sizeof result.text, "%u", unsigned{number});
    return result;
}

// --- the culprit finder's ------------------------------------------------------------------------------------------

constexpr const char* kNobody = "none";

/// Up to eight sizes with commas between them, or none.
bool parse_sizes(const char* value, guard::Sizes& out) noexcept {
    guard::Sizes sizes{};
    if (equal_ignoring_case(value, kNobody)) {
        out = sizes;
        return true;
    }
    for (std::uint32_t& size : sizes) {
        char* end = nullptr;
        value += std::strspn(value, " ");
        const bool is_number = *value >= '0' && *value <= '9';
        size = static_cast<std::uint32_t>(std::strtoul(value, &end, 10));
        end += std::strspn(end, " ");
        if (!is_number || size == 0 || size > guard::kLargest || (*end != ',' && *end != '\0')) {
            return false;
        }
        if (*end == '\0') {
            out = sizes;
            return true;
        }
        value = end + 1;
    }
    return false;
}

SettingText text_of(const guard::Sizes& sizes) noexcept {
    SettingText result;
    std::size_t length = 0;
    for (const std::uint32_t size : sizes) {
        if (size != 0) {
            length += static_cast<std::size_t>(std::snprintf(result.text + length, sizeof result.text - length, "%s%u",
                                                             length == 0 ? "" : ",", unsigned{size}));
        }
    }
    return length == 0 ? text_of(kNobody) : result;
}

constexpr SettingEntry kEntries[] = {
    {"Main", "sMode", "full", "full, boundary, scrap, off",
     "What is replaced.\n"
     "full: every allocation of the game; its own pools and heaps are not used, and with a recent xNVSE not even "
     "built.\n"
     "boundary: the 17 functions in which the game's memory system meets Windows, and the blocks of its heaps.\n"
     "scrap: the stacks of memory that threads use for a moment (scrap heaps), and 4 of the 17 functions.\n"
     "off: nothing; the game runs as it would without this plugin.",
     Change::restart, &apply_mode, [](const Settings& s) { return text_of(mode_name(s.mode)); }},
    {"Main", "bRestoreAtExit", "1", "0, 1",
     "Put the game's original code back when the game ends. Functions whose memory is still in use at that moment\n"
     "stay replaced until the process is gone.",
     Change::at_once, [](Settings& s, const char* value) { return parse_switch(value, s.restore_at_exit); },
     [](const Settings& s) { return text_of(s.restore_at_exit ? "1" : "0"); }},
    {"Memory", "iQuarantineKB", "1024", "0 to 16384",
     "How many KB of freed blocks of up to 4 KB each thread holds back before they can be used again, in the order in\n"
     "which they were freed; of the sizes that the game's own pools served a sixteenth of it; of blocks of 4 to 64 KB\n"
     "as much again. The game reads objects that it has freed; of a block that is held back all but the second four\n"
     "bytes still read as before.",
     Change::at_once,
     [](Settings& s, const char* value) {
         return parse_number(value, replace::policy::kLargestQuarantine, s.quarantine_kb);
     },
     [](const Settings& s) { return text_of(s.quarantine_kb); }},
    {"Memory", "iKeepFreedSeconds", "10", "0 to 3600",
     "How many seconds memory must have been free before it is given back to Windows, blocks of up to 16 MB included;\n"
     "sooner only when Windows refuses memory. The game's threads read what others of them have just freed.",
     Change::at_once,
     [](Settings& s, const char* value) { return parse_number(value, give_back::kLongestDelay, s.keep_freed_seconds); },
     [](const Settings& s) { return text_of(s.keep_freed_seconds); }},
    {"Report", "bRecordSession", "1", "0, 1",
     "Record the session, a line a second, in MemoryPoolNVSE.csv beside the log. It survives a crash; the one of the\n"
     "session before is kept as MemoryPoolNVSE.previous.csv.",
     Change::off_at_once, [](Settings& s, const char* value) { return parse_switch(value, s.record_session); },
     [](const Settings& s) { return text_of(s.record_session ? "1" : "0"); }},
    {"Report", "bPageAtExit", "1", "0, 1",
     "When the game ends, make a page of charts from the session: MemoryPoolNVSE.html beside the log.", Change::at_once,
     [](Settings& s, const char* value) { return parse_switch(value, s.page_at_exit); },
     [](const Settings& s) { return text_of(s.page_at_exit ? "1" : "0"); }},
    {"Diagnose", "bDiagnose", "0", "0, 1",
     "The culprit finder: some blocks of memory lie behind guard pages, so that who misuses one is named in log and\n"
     "session (docs/culprit-finder.md). For a session or two after crashes that nobody can explain: the game is "
     "slower.\n"
     "Needs sMode = full.",
     Change::restart, [](Settings& s, const char* value) { return parse_switch(value, s.diagnose); },
     [](const Settings& s) { return text_of(s.diagnose ? "1" : "0"); }},
    {"Diagnose", "iOneIn", "1000", "1 to 1000000",
     "One block in so many is guarded. The smaller, the sooner a misuse is met, and the slower the game.",
     Change::restart, [](Settings& s, const char* value) { return parse_number(value, 1'000'000, s.guard_one_in, 1); },
     [](const Settings& s) { return text_of(s.guard_one_in); }},
    {"Diagnose", "sSizes", kNobody, "none, or up to 8 sizes of 1 to 65536 bytes with commas between them",
     "Every block of these sizes is guarded, as long as there is room.", Change::restart,
     [](Settings& s, const char* value) { return parse_sizes(value, s.guard_sizes); },
     [](const Settings& s) { return text_of(s.guard_sizes); }},
    {"Diagnose", "iGuardedMB", "64", "4 to 1024",
     "Address space for guarded blocks, in MB. A block takes 8 KB of it, one of more than 4 KB 68 KB; a freed one "
     "keeps\n"
     "its place until nothing else is left.",
     Change::restart, [](Settings& s, const char* value) { return parse_number(value, 1024, s.guarded_mb, 4); },
     [](const Settings& s) { return text_of(s.guarded_mb); }},
    {"Diagnose", "bBorders", "0", "0, 1",
     "Every other block has a border behind it. When it is freed or resized, when a loading screen ends, when the "
     "game\n"
     "ends and by MemoryPoolCheck it is seen that somebody wrote there, what, and beside which blocks; not who did it.",
     Change::restart, [](Settings& s, const char* value) { return parse_switch(value, s.borders); },
     [](const Settings& s) { return text_of(s.borders ? "1" : "0"); }},
    {"Diagnose", "sTolerated", kNobody, "none, or names of DLLs with commas between them",
     "Misuses by these are written down once and go on, as those of the game itself do, which reads freed objects as "
     "a\n"
     "matter of course.",
     Change::restart,
     [](Settings& s, const char* value) {
         const bool fits = std::strlen(value) < sizeof s.tolerated.text;
         s.tolerated = fits ? text_of(value) : s.tolerated;
         return fits;
     },
     [](const Settings& s) { return s.tolerated; }},
    {"Diagnose", "bLetCrash", "1", "0, 1",
     "1: a misuse by any other DLL is written down and then crashes at that place, for a crash logger to see.\n"
     "0: it is written down and goes on.",
     Change::restart, [](Settings& s, const char* value) { return parse_switch(value, s.pass_on); },
     [](const Settings& s) { return text_of(s.pass_on ? "1" : "0"); }},
};

const SettingEntry* find_entry(const char* section, const char* key) noexcept {
    for (const SettingEntry& entry : kEntries) {
        if (equal_ignoring_case(entry.section, section) && equal_ignoring_case(entry.key, key)) {
            return &entry;
        }
    }
    return nullptr;
}

MP_PRINTF(3, 4) void add_problem(SettingsResult& result, int line, const char* format, ...) noexcept {
    if (result.problem_count < std::size(result.problems)) {
        SettingProblem& problem = result.problems[result.problem_count];
        problem.line = line;
        std::va_list arguments;
        va_start(arguments, format);
        std::vsnprintf(problem.text, sizeof problem.text, format, arguments);
        va_end(arguments);
    }
    ++result.problem_count;
}

class SettingsReader final : public IniReader {
public:
    explicit SettingsReader(SettingsResult& result) noexcept : result_(result) {}

    void entry(const char* section, const char* key, const char* value, int line) override {
        const SettingEntry* const entry = find_entry(section, key);
        if (entry == nullptr) {
            add_problem(result_, line, "unknown key [%s] %s; ignored", section, key);
            return;
        }
        bool& seen = seen_[static_cast<std::size_t>(entry - std::begin(kEntries))];
        if (seen) {
            add_problem(result_, line, "[%s] %s stands here again; the first line counts", section, key);
        } else if (!entry->apply(result_.settings, value)) {
            add_problem(result_, line, "[%s] %s = %s is none of: %s; using %s", section, key, value, entry->values,
                        entry->text(result_.settings).text);
        }
        seen = true;
    }
    void problem(int line, const char* why) override { add_problem(result_, line, "%s", why); }

private:
    SettingsResult& result_;
    bool seen_[std::size(kEntries)] = {};
};

/// Appends printf-style text to a buffer of fixed size.
struct Writer {
    char* out;
    std::size_t capacity;
    std::size_t length = 0;

    MP_PRINTF(2, 3) void add(const char* format, ...) noexcept {
        std::va_list arguments;
        va_start(arguments, format);
        const int written = std::vsnprintf(out + length, capacity - length, format, arguments);
        va_end(arguments);
        if (written > 0) {
            length = std::min(length + static_cast<std::size_t>(written), capacity - 1);
        }
    }

    /// Prints help text as comment lines.
    void comment(const char* text) noexcept {
        while (*text != '\0') {
            const char* end = std::strchr(text, '\n');
            const int size =
                static_cast<int>(end != nullptr ? end - text : static_cast<std::ptrdiff_t>(std::strlen(text)));
            add("; %.*s\n", size, text);
            text += size + (end != nullptr ? 1 : 0);
        }
    }
};

}  // namespace

std::span<const SettingEntry> setting_entries() noexcept {
    return kEntries;
}

const SettingEntry* find_setting(const char* key) noexcept {
    for (const SettingEntry& entry : kEntries) {
        if (equal_ignoring_case(entry.key, key)) {
            return &entry;
        }
    }
    return nullptr;
}

const char* change_text(Change change) noexcept {
    constexpr const char* kTexts[] = {"at once", "at once when it switches off, else with the next start of the game",
                                      "with the next start of the game"};
    return kTexts[static_cast<std::size_t>(change)];
}

SettingsResult read_settings(const char* path) noexcept {
    SettingsResult result;
    SettingsReader reader(result);
    result.file = read_ini(path, reader);
    return result;
}

FileText file_text(const SettingsResult& result) noexcept {
    FileText text;
    if (result.file.state == FileState::missing) {
        std::snprintf(text.text, sizeof text.text, " (not found: defaults)");
    } else if (result.file.state == FileState::unreadable) {
        std::snprintf(text.text, sizeof text.text, " (cannot be read: %s)", result.file.reason);
    }
    return text;
}

std::size_t default_ini(char* out, std::size_t capacity) noexcept {
    Writer writer{out, capacity};
    const char* section = "";
    writer.add(
        "; Every setting of MemoryPoolNVSE with its default. The plugin does not read this file, and an update\n"
        "; replaces it. To change something, copy it to MemoryPoolNVSE.ini in the same folder and edit the copy, "
        "which\n"
        "; updates leave alone; a key that is missing there has its default. While the game runs, the console command\n"
        "; ReloadPluginConfig \"MemoryPoolNVSE\" reads the copy again (xNVSE 6.4.5 or newer).\n");
    for (const SettingEntry& entry : kEntries) {
        if (std::strcmp(section, entry.section) != 0) {
            writer.add("\n[%s]\n", entry.section);
        }
        section = entry.section;
        writer.comment(entry.help);
        writer.add("; Values: %s. Default: %s. A change takes effect %s.\n%s = %s\n", entry.values, entry.default_value,
                   change_text(entry.change), entry.key, entry.default_value);
    }
    return writer.length;
}

const char* mode_name(Mode mode) noexcept {
    constexpr const char* kNames[] = {"full", "boundary", "scrap", "off"};
    return kNames[static_cast<std::size_t>(mode)];
}

}  // namespace mp::plugin
