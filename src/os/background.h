// What a part that records in the background needs: a thread of low priority, the clock, the system's version, the
// modules of the process. Windows only. Cold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::os {

/// Starts a thread of low priority that calls `run` and ends. Allowed under the loader lock: the thread begins after
/// it. False when the system refuses.
bool start_background_thread(void (*run)()) noexcept;

/// Lets one thread wake another. Zero-initialised = not usable before `create`.
class Wakeup {
public:
    bool create() noexcept;
    void wake() noexcept;
    /// Returns after `milliseconds`, or at once when woken since the last wait.
    void wait(std::uint32_t milliseconds) noexcept;

private:
    void* event_ = nullptr;
};

/// Milliseconds since the system's start; never goes back.
std::uint64_t uptime_ms() noexcept;
/// Microseconds since some moment before the process; never goes back. For durations.
std::uint64_t monotonic_us() noexcept;
/// Milliseconds since 1970, UTC.
std::uint64_t unix_time_ms() noexcept;

struct ClockText {
    char text[24] = {};
};
/// "2026-11-29 22:03:12", as the player's clock shows it.
ClockText local_time() noexcept;

struct SystemText {
    char text[64] = {};
};
/// "Windows 10.0.19045", or "Wine 8.0 as Windows 10.0.19043".
SystemText system_version() noexcept;

struct LoadedModule {
    const char* path = "";  ///< UTF-8
    std::uintptr_t base = 0;
    std::size_t size = 0;
    std::uint64_t version = 0;  ///< version resource, four 16-bit parts; 0 when there is none
};
/// Calls `tell` for each module of the process, in the order in which they were loaded. A module stays loaded while it
/// is told; others load and unload meanwhile as they like. Takes the loader's lock. One thread at a time.
void each_module(void (*tell)(void* context, const LoadedModule& module), void* context) noexcept;

}  // namespace mp::os
