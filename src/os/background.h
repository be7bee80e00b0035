// What a part that records in the background needs: a thread of low priority, a file that is only appended to, the
// clock, the modules of the process. Windows only. Cold.
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

/// What was written survives the end of the process, however it ends. One thread at a time.
class AppendFile {
public:
    /// A new, empty file; others may read it meanwhile.
    bool create(const char* path) noexcept;
    bool write(const void* data, std::size_t size) noexcept;
    void close() noexcept;

private:
    void* handle_ = nullptr;
};

/// Renames `from` to `to`, over what was there. False when there is nothing to rename.
bool replace_file(const char* from, const char* to) noexcept;

/// Milliseconds since the system's start; never goes back.
std::uint64_t uptime_ms() noexcept;
/// Microseconds since some moment before the process; never goes back. For durations.
std::uint64_t monotonic_us() noexcept;
/// Milliseconds since 1970, UTC.
std::uint64_t unix_time_ms() noexcept;

struct LoadedModule {
    const char* path = "";
    std::uintptr_t base = 0;
    std::size_t size = 0;
    std::uint64_t version = 0;  ///< version resource, four 16-bit parts; 0 when there is none
};
/// Calls `tell` for each module of the process, in the order in which they were loaded. A module stays loaded while it
/// is told; others load and unload meanwhile as they like. Takes the loader's lock. One thread at a time.
void each_module(void (*tell)(void* context, const LoadedModule& module), void* context) noexcept;

}  // namespace mp::os
