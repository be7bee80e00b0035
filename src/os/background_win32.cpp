#include "os/background.h"

#include <cstring>

#include "os/executable.h"

#include <windows.h>
// After windows.h, which it needs.
#include <psapi.h>

namespace mp::os {

namespace {

DWORD WINAPI begin(void* run) {
    reinterpret_cast<void (*)()>(run)();
    return 0;
}

/// Keeps a module of the process loaded, so that its memory can be read. False for one that was unloaded meanwhile, or
/// is about to be.
class HeldModule {
public:
    explicit HeldModule(HMODULE module) noexcept {
        // Only an address adds a reference to a module that has no unique name.
        if (GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, reinterpret_cast<const char*>(module),
                               &module_) == 0) {
            module_ = nullptr;
        }
        is_same_ = module_ == module && module != nullptr;
    }
    ~HeldModule() {
        if (module_ != nullptr) {
            FreeLibrary(module_);
        }
    }
    HeldModule(const HeldModule&) = delete;
    HeldModule& operator=(const HeldModule&) = delete;
    explicit operator bool() const noexcept { return is_same_; }

private:
    HMODULE module_ = nullptr;
    bool is_same_ = false;
};

constexpr std::size_t kMostModules = 512;
constexpr std::uint64_t kUnixEpoch = 116444736000000000;  ///< 1970 in steps of 100 ns since 1601

}  // namespace

bool start_background_thread(void (*run)()) noexcept {
    HANDLE thread = CreateThread(nullptr, 0, &begin, reinterpret_cast<void*>(run), CREATE_SUSPENDED, nullptr);
    if (thread == nullptr) {
        return false;
    }
    SetThreadPriority(thread, THREAD_PRIORITY_BELOW_NORMAL);
    const bool runs = ResumeThread(thread) != static_cast<DWORD>(-1);
    CloseHandle(thread);
    return runs;
}

bool Wakeup::create() noexcept {
    event_ = event_ != nullptr ? event_ : CreateEventA(nullptr, FALSE, FALSE, nullptr);
    return event_ != nullptr;
}

void Wakeup::wake() noexcept {
    if (event_ != nullptr) {
        SetEvent(event_);
    }
}

void Wakeup::wait(std::uint32_t milliseconds) noexcept {
    if (event_ != nullptr) {
        WaitForSingleObject(event_, milliseconds);
    } else {
        Sleep(milliseconds);
    }
}

bool AppendFile::create(const char* path) noexcept {
    close();
    HANDLE file = CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, nullptr);
    handle_ = file != INVALID_HANDLE_VALUE ? file : nullptr;
    return handle_ != nullptr;
}

bool AppendFile::write(const void* data, std::size_t size) noexcept {
    DWORD written = 0;
    return handle_ != nullptr && WriteFile(handle_, data, static_cast<DWORD>(size), &written, nullptr) != 0 &&
           written == size;
}

void AppendFile::close() noexcept {
    if (handle_ != nullptr) {
        CloseHandle(handle_);
        handle_ = nullptr;
    }
}

bool replace_file(const char* from, const char* to) noexcept {
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING) != 0;
}

std::uint64_t uptime_ms() noexcept {
    return GetTickCount64();
}

std::uint64_t monotonic_us() noexcept {
    constexpr std::uint64_t kMicroseconds = 1'000'000;
    LARGE_INTEGER frequency;
    LARGE_INTEGER ticks;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    const auto per_second = static_cast<std::uint64_t>(frequency.QuadPart);
    const auto now = static_cast<std::uint64_t>(ticks.QuadPart);
    return now / per_second * kMicroseconds + now % per_second * kMicroseconds / per_second;
}

std::uint64_t unix_time_ms() noexcept {
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    const std::uint64_t steps = static_cast<std::uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
    return (steps - kUnixEpoch) / 10'000;
}

void each_module(void (*tell)(void* context, const LoadedModule& module), void* context) noexcept {
    static HMODULE modules[kMostModules];
    DWORD bytes = 0;
    if (K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &bytes) == 0) {
        return;
    }
    static char path[kMaxPath];
    for (std::size_t i = 0; i < kMostModules && i < bytes / sizeof(HMODULE); ++i) {
        const HeldModule held(modules[i]);
        if (!held) {
            continue;
        }
        const std::size_t size = module_size(modules[i]);
        const DWORD length = GetModuleFileNameA(modules[i], path, sizeof path);
        if (size == 0 || length == 0 || length >= sizeof path) {
            continue;
        }
        tell(context, {path, reinterpret_cast<std::uintptr_t>(modules[i]), size, module_version(modules[i])});
    }
}

}  // namespace mp::os
