#include "refused_calls.h"

#include <windows.h>

// After windows.h, which it needs.
#include <psapi.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

namespace mp::tests::refused_calls {

namespace {

std::atomic<unsigned> g_refused{0};  ///< number of the first one; 0: none is
std::atomic<bool> g_once{false};
std::atomic<bool> g_counts{false};
std::atomic<unsigned> g_calls{0};
std::atomic<const char*> g_first{nullptr};

/// As if others had freed some then: a game that is refused memory for ever stands still, as it would without us.
constexpr int kMemoryRefusals = 300;
std::atomic<int> g_memory_refusals{0};

bool is_turn(const char* name) noexcept {
    if (!g_counts.load()) {
        return false;
    }
    const unsigned call = g_calls.fetch_add(1) + 1;
    const unsigned refused = g_refused.load();
    if (refused == 0 || call < refused || (g_once.load() && call != refused)) {
        return false;
    }
    if (std::strcmp(name, "VirtualAlloc") == 0 && g_memory_refusals.fetch_add(1) >= kMemoryRefusals) {
        return false;
    }
    const char* none = nullptr;
    if (g_first.compare_exchange_strong(none, name)) {
        std::fprintf(stderr, "call %u, of %s, is refused\n", call, name);  // for whoever sees what came of it
        std::fflush(stderr);
    }
    return true;
}

/// `Api` says which function, what it answers when it fails, and why.
template <typename Api, typename Function>
struct Refusable;

#define MP_REFUSABLE(convention)                                                                                       \
    template <typename Api, typename Result, typename... Arguments>                                                    \
    struct Refusable<Api, Result(convention*)(Arguments...)> {                                                         \
        static Result convention call(Arguments... arguments) noexcept {                                               \
            if (is_turn(Api::kName)) {                                                                                 \
                SetLastError(Api::kError);                                                                             \
                return Api::failure();                                                                                 \
            }                                                                                                          \
            return Api::function()(arguments...);                                                                      \
        }                                                                                                              \
    };
MP_REFUSABLE(__stdcall)
MP_REFUSABLE(__cdecl)
#undef MP_REFUSABLE

#define MP_CALL(name, error, answer)                                                                                   \
    struct name##Api {                                                                                                 \
        static constexpr const char* kName = #name;                                                                    \
        static constexpr DWORD kError = error;                                                                         \
        static auto function() noexcept {                                                                              \
            return &::name;                                                                                            \
        }                                                                                                              \
        static auto failure() noexcept {                                                                               \
            return answer;                                                                                             \
        }                                                                                                              \
    };
// Left out: what cannot fail (GetModuleHandle of a module that is loaded) and what would leave a thread stopped for
// ever (ResumeThread).
#define MP_EACH_CALL(X)                                                                                                \
    X(VirtualAlloc, ERROR_NOT_ENOUGH_MEMORY, LPVOID{nullptr})                                                          \
    X(VirtualFree, ERROR_INVALID_PARAMETER, FALSE)                                                                     \
    X(VirtualProtect, ERROR_ACCESS_DENIED, FALSE)                                                                      \
    X(VirtualQuery, ERROR_ACCESS_DENIED, SIZE_T{0})                                                                    \
    X(CreateThread, ERROR_NOT_ENOUGH_MEMORY, HANDLE{nullptr})                                                          \
    X(CreateEventA, ERROR_NOT_ENOUGH_MEMORY, HANDLE{nullptr})                                                          \
    X(CreateSemaphoreA, ERROR_NOT_ENOUGH_MEMORY, HANDLE{nullptr})                                                      \
    X(OpenThread, ERROR_ACCESS_DENIED, HANDLE{nullptr})                                                                \
    X(OpenProcess, ERROR_ACCESS_DENIED, HANDLE{nullptr})                                                               \
    X(DuplicateHandle, ERROR_ACCESS_DENIED, FALSE)                                                                     \
    X(SuspendThread, ERROR_ACCESS_DENIED, ~DWORD{0})                                                                   \
    X(GetThreadContext, ERROR_ACCESS_DENIED, FALSE)                                                                    \
    X(SetThreadContext, ERROR_ACCESS_DENIED, FALSE)                                                                    \
    X(SetThreadPriority, ERROR_ACCESS_DENIED, FALSE)                                                                   \
    X(OpenProcessToken, ERROR_ACCESS_DENIED, FALSE)                                                                    \
    X(LookupPrivilegeValueA, ERROR_ACCESS_DENIED, FALSE)                                                               \
    X(AdjustTokenPrivileges, ERROR_ACCESS_DENIED, FALSE)                                                               \
    X(FlushInstructionCache, ERROR_ACCESS_DENIED, FALSE)                                                               \
    X(AddVectoredExceptionHandler, ERROR_NOT_ENOUGH_MEMORY, PVOID{nullptr})                                            \
    X(CreateFileW, ERROR_ACCESS_DENIED, INVALID_HANDLE_VALUE)                                                          \
    X(CreateDirectoryW, ERROR_ACCESS_DENIED, FALSE)                                                                    \
    X(WriteFile, ERROR_DISK_FULL, FALSE)                                                                               \
    X(MoveFileExW, ERROR_ACCESS_DENIED, FALSE)                                                                         \
    X(DeleteFileW, ERROR_ACCESS_DENIED, FALSE)                                                                         \
    X(GetFileAttributesW, ERROR_ACCESS_DENIED, INVALID_FILE_ATTRIBUTES)                                                \
    X(GetModuleFileNameW, ERROR_NOT_ENOUGH_MEMORY, DWORD{0})                                                           \
    X(GetModuleHandleExA, ERROR_MOD_NOT_FOUND, FALSE)                                                                  \
    X(GetModuleHandleExW, ERROR_MOD_NOT_FOUND, FALSE)                                                                  \
    X(GetProcAddress, ERROR_PROC_NOT_FOUND, FARPROC{nullptr})                                                          \
    X(LoadLibraryA, ERROR_NOT_ENOUGH_MEMORY, HMODULE{nullptr})                                                         \
    X(LoadLibraryW, ERROR_NOT_ENOUGH_MEMORY, HMODULE{nullptr})                                                         \
    X(FindResourceA, ERROR_RESOURCE_NAME_NOT_FOUND, HRSRC{nullptr})                                                    \
    X(LoadResource, ERROR_NOT_ENOUGH_MEMORY, HGLOBAL{nullptr})                                                         \
    X(SizeofResource, ERROR_RESOURCE_NAME_NOT_FOUND, DWORD{0})                                                         \
    X(LockResource, ERROR_RESOURCE_NAME_NOT_FOUND, LPVOID{nullptr})                                                    \
    X(K32EnumProcessModules, ERROR_ACCESS_DENIED, FALSE)                                                               \
    X(K32GetMappedFileNameW, ERROR_ACCESS_DENIED, DWORD{0})                                                            \
    X(MultiByteToWideChar, ERROR_NO_UNICODE_TRANSLATION, 0)                                                            \
    X(WideCharToMultiByte, ERROR_NO_UNICODE_TRANSLATION, 0)                                                            \
    X(TlsAlloc, ERROR_NOT_ENOUGH_MEMORY, TLS_OUT_OF_INDEXES)                                                           \
    X(_wfopen, ERROR_ACCESS_DENIED, static_cast<std::FILE*>(nullptr))                                                  \
    X(fopen, ERROR_ACCESS_DENIED, static_cast<std::FILE*>(nullptr))                                                    \
    X(fwrite, ERROR_DISK_FULL, std::size_t{0})                                                                         \
    X(fread, ERROR_ACCESS_DENIED, std::size_t{0})                                                                      \
    X(fseek, ERROR_ACCESS_DENIED, -1)                                                                                  \
    X(fclose, ERROR_DISK_FULL, EOF)                                                                                    \
    X(malloc, ERROR_NOT_ENOUGH_MEMORY, static_cast<void*>(nullptr))                                                    \
    X(calloc, ERROR_NOT_ENOUGH_MEMORY, static_cast<void*>(nullptr))                                                    \
    X(realloc, ERROR_NOT_ENOUGH_MEMORY, static_cast<void*>(nullptr))

MP_EACH_CALL(MP_CALL)

template <typename Api>
Call call_of() noexcept {
    const auto replacement = &Refusable<Api, decltype(Api::function())>::call;
    return {Api::kName, reinterpret_cast<std::uintptr_t>(replacement)};
}

#define MP_ENTRY(name, error, answer) call_of<name##Api>(),
const Call g_all[] = {MP_EACH_CALL(MP_ENTRY)};

}  // namespace

std::span<const Call> calls() noexcept {
    return g_all;
}

void start(unsigned call, bool once) noexcept {
    g_refused = call;
    g_once = once;
    g_counts = true;
}

void write(const char* path) {
    g_counts = false;
    const char* first = g_first.load();
    if (std::FILE* out = std::fopen(path, "w"); out != nullptr) {
        std::fprintf(out, "calls %u, refused %s\n", g_calls.load(), first != nullptr ? first : "nothing");
        std::fclose(out);
    }
}

}  // namespace mp::tests::refused_calls
