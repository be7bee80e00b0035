#include "plugin/log.h"

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>

#include "os/background.h"
#include "os/os.h"
#include "plugin/files.h"
#include "plugin/version.h"

namespace mp::plugin::log {

namespace {

constinit os::AppendFile g_file;
constinit std::atomic<bool> g_opened{false};
constinit char g_path[os::kMaxPath] = {};
constinit char g_fault[sizeof(files::Begun::fault)] = {};
constinit std::uint64_t g_start_us = 0;
constinit char g_line[2048] = {};  // so that a line needs no memory when there is none
constinit os::ColdLock g_lock;
constinit std::atomic<bool> g_orphaned{false};  ///< somebody waited in vain for the lock

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

/// Appends to the line what fits, with room for its end.
MP_PRINTF(2, 0) std::size_t add(std::size_t length, const char* format, std::va_list arguments) noexcept {
    const std::size_t room = sizeof g_line - 2 - length;
    const int written = std::vsnprintf(g_line + length, room, format, arguments);
    return written < 0 ? length : length + std::min<std::size_t>(static_cast<std::size_t>(written), room - 1);
}

MP_PRINTF(2, 3) std::size_t add(std::size_t length, const char* format, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, format);
    length = add(length, format, arguments);
    va_end(arguments);
    return length;
}

void end_line(std::size_t length) noexcept {
    g_line[length] = '\r';
    g_line[length + 1] = '\n';
    g_file.write(g_line, length + 2);  // a full disk has no place for the word that it is full
}

}  // namespace

void open() noexcept {
    if (g_opened.exchange(true)) {
        return;
    }
    g_start_us = os::monotonic_us();
    const files::Begun begun = files::begin(files::kLog, g_file, g_path);
    std::snprintf(g_fault, sizeof g_fault, "%s", begun.fault);
    const os::ClockText now = os::local_time();
    const os::SystemText system = os::system_version();
    const os::ColdLockGuard guard(g_lock);  // not before: the system's loader was asked
    if (g_file.is_open()) {
        end_line(add(0, "%s %s, started %s, %s", MP_PLUGIN_NAME, MP_VERSION_TEXT, now.text, system.text));
    }
}

void line(const char* format, ...) noexcept {
    if (!lock_in_time()) {
        return;
    }
    if (g_file.is_open()) {
        const std::uint64_t ms = (os::monotonic_us() - g_start_us) / 1000;
        const auto part = [ms](std::uint64_t unit, std::uint64_t count) {
            return static_cast<unsigned>(ms / unit % count);
        };
        std::size_t length =
            add(0, "%u:%02u:%02u.%03u ", part(3'600'000, 10'000), part(60'000, 60), part(1'000, 60), part(1, 1'000));
        std::va_list arguments;
        va_start(arguments, format);
        length = add(length, format, arguments);
        va_end(arguments);
        end_line(length);
    }
    g_lock.unlock();
}

const char* path() noexcept {
    return g_path;
}

const char* fault() noexcept {
    return g_fault;
}

}  // namespace mp::plugin::log
