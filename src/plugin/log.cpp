#include "plugin/log.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "os/executable.h"
#include "os/os.h"
#include "plugin/ini_file.h"
#include "plugin/version.h"

namespace mp::plugin::log {

namespace {

constexpr const char* kFileName = "MemoryPoolNVSE.log";
constexpr const char* kExtenderConfig = "Data\\NVSE\\nvse_config.ini";

constinit std::FILE* g_file = nullptr;
constinit std::atomic<bool> g_opened{false};
constinit char g_path[os::kMaxPath] = {};
constinit os::ColdLock g_lock;
constinit std::atomic<bool> g_orphaned{false};  ///< somebody waited in vain for the lock

/// xNVSE's folder for plugins' logs, relative to the game's folder; "" is the game's folder itself.
struct LogFolder final : IniReader {
    char text[os::kMaxPath] = {};

    void entry(const char* section, const char* key, const char* value, int /*line*/) override {
        if (text[0] == '\0' && equal_ignoring_case(section, "Logging") && equal_ignoring_case(key, "sPluginLogPath")) {
            std::snprintf(text, sizeof text, "%s", value);
        }
    }
    void problem(int /*line*/, const char* /*why*/) override {}
};

/// False when the lock may have died with its thread: a lost line is better than a game that does not close. At the
/// process's end that is known at once; before, it takes about a second, and once in all.
bool lock_in_time() noexcept {
    constexpr int kPatienceMs = 1000;
    for (int waited = 0; !g_lock.try_lock(); ++waited) {
        if (waited == kPatienceMs || os::process_ends() || g_orphaned.load()) {
            g_orphaned.store(true);
            return false;
        }
        os::sleep_ms(1);
    }
    return true;
}

std::FILE* open_in(const char* game_folder, const char* log_folder) noexcept {
    const std::size_t length = std::strlen(log_folder);
    const char* separator = length != 0 && log_folder[length - 1] != '\\' && log_folder[length - 1] != '/' ? "\\" : "";
    const int written = std::snprintf(g_path, sizeof g_path, "%s%s%s%s", game_folder, log_folder, separator, kFileName);
    if (written < 0 || static_cast<std::size_t>(written) >= sizeof g_path) {
        return nullptr;
    }
    std::FILE* const file = std::fopen(g_path, "wt");
    return file == nullptr && os::make_folder_of(g_path) ? std::fopen(g_path, "wt") : file;
}

}  // namespace

void open() noexcept {
    if (g_opened.exchange(true)) {
        return;
    }
    static char game_folder[os::kMaxPath];
    static char config[os::kMaxPath + 64];
    static LogFolder folder;
    if (!os::executable_folder(game_folder, sizeof game_folder)) {
        return;
    }
    std::snprintf(config, sizeof config, "%s%s", game_folder, kExtenderConfig);
    read_ini(config, folder);  // a missing file leaves the game's folder
    std::FILE* file = open_in(game_folder, folder.text);
    if (file == nullptr && folder.text[0] != '\0') {
        file = open_in(game_folder, "");
    }
    if (file == nullptr) {
        g_path[0] = '\0';
        return;
    }
    static char buffer[BUFSIZ];
    std::setvbuf(file, buffer, _IOFBF, sizeof buffer);  // so that a line needs no memory when there is none
    std::fprintf(file, "%s %s\n", MP_PLUGIN_NAME, MP_VERSION_TEXT);
    std::fflush(file);
    const os::ColdLockGuard guard(g_lock);  // not before: the system's loader was asked
    g_file = file;
}

void line(const char* format, ...) noexcept {
    if (!lock_in_time()) {
        return;
    }
    if (g_file != nullptr) {
        std::va_list arguments;
        va_start(arguments, format);
        std::vfprintf(g_file, format, arguments);
        va_end(arguments);
        std::fputc('\n', g_file);
        std::fflush(g_file);
    }
    g_lock.unlock();
}

bool path_beside(const char* ending, char* out, std::size_t capacity) noexcept {
    const char* dot = std::strrchr(g_path, '.');
    if (dot == nullptr) {
        return false;
    }
    const int written = std::snprintf(out, capacity, "%.*s%s", static_cast<int>(dot - g_path), g_path, ending);
    return written > 0 && static_cast<std::size_t>(written) < capacity;
}

const char* path() noexcept {
    return g_path;
}

}  // namespace mp::plugin::log
