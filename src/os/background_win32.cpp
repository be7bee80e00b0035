#include "os/background.h"

#include <cstdio>
#include <cstring>

#include "os/executable.h"
#include "os/win32.h"

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

ClockText local_time() noexcept {
    SYSTEMTIME now;
    GetLocalTime(&now);
    ClockText out;
    std::snprintf(out.text, sizeof out.text, "%04u-%02u-%02u %02u:%02u:%02u", unsigned{now.wYear}, unsigned{now.wMonth},
                  unsigned{now.wDay}, unsigned{now.wHour}, unsigned{now.wMinute}, unsigned{now.wSecond});
    return out;
}

SystemText system_version() noexcept {
    // GetVersionEx tells programs of before 2012 that it is Windows 8.
    const HMODULE system = GetModuleHandleW(L"ntdll.dll");
    const auto version = detail::find_function<LONG(NTAPI*)(OSVERSIONINFOW*)>(system, "RtlGetVersion");
    const auto wine = detail::find_function<const char*(CDECL*)()>(system, "wine_get_version");
    OSVERSIONINFOW info{};
    info.dwOSVersionInfoSize = sizeof info;
    if (version != nullptr) {
        version(&info);
    }
    SystemText out;
    std::snprintf(out.text, sizeof out.text, "%s%s%sWindows %lu.%lu.%lu", wine != nullptr ? "Wine " : "",
                  wine != nullptr ? wine() : "", wine != nullptr ? " as " : "", info.dwMajorVersion,
                  info.dwMinorVersion, info.dwBuildNumber);
    return out;
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
        if (size == 0 || !detail::path_of(modules[i], path, sizeof path)) {
            continue;
        }
        tell(context, {path, reinterpret_cast<std::uintptr_t>(modules[i]), size, module_version(modules[i])});
    }
}

}  // namespace mp::os
