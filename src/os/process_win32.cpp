#include "os/process.h"

#include <windows.h>

#include <array>

#include "os/executable.h"
#include "os/os_common.h"
#include "os/win32.h"

namespace mp::os {
namespace {

// Two services of ntdll, there since Windows Vista. They are used instead of a Toolhelp snapshot because they neither
// take a heap lock nor allocate: the second pass runs while every other thread is suspended, and any of them may hold
// the process heap's lock (Wine's snapshot allocates from that heap).
struct BasicInformation {  // THREAD_BASIC_INFORMATION
    LONG exit_status;
    void* environment_block;
    HANDLE process_id;
    HANDLE thread_id;
    ULONG_PTR affinity;
    LONG priority;
    LONG base_priority;
};
using NextThread = LONG(NTAPI*)(HANDLE process, HANDLE last, ACCESS_MASK access, ULONG attributes, ULONG flags,
                                HANDLE* next);
using QueryThread = LONG(NTAPI*)(HANDLE thread, int kind, void* information, ULONG size, ULONG* returned);
constexpr int kBasicInformation = 0;

constinit NextThread g_next_thread = nullptr;
constinit QueryThread g_query_thread = nullptr;

// The walk asks for the least, because the system passes over threads that it may not open so; what suspending needs is
// asked for each thread by its id, where a refusal is seen.
constexpr DWORD kWalkAccess = THREAD_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;
constexpr DWORD kThreadAccess = THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION;
constexpr LONG kNoMoreEntries = static_cast<LONG>(0x8000001A);  // STATUS_NO_MORE_ENTRIES
constexpr DWORD kSuspendFailed = static_cast<DWORD>(-1);

bool has_functions() noexcept {
    return g_next_thread != nullptr && g_query_thread != nullptr;
}

/// Takes the loader's lock: only before anything is suspended.
void find_functions() noexcept {
    if (const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll")) {
        g_next_thread = detail::find_function<NextThread>(ntdll, "NtGetNextThread");
        g_query_thread = detail::find_function<QueryThread>(ntdll, "NtQueryInformationThread");
    }
}

/// True for a thread that has no environment block yet. Under Wine a thread is on the list before its creator has
/// really started it; when the creator is suspended, waiting for such a thread would never end. It will stop before its
/// first instruction.
bool has_not_begun(HANDLE thread) noexcept {
    BasicInformation information{};
    return g_query_thread(thread, kBasicInformation, &information, sizeof information, nullptr) >= 0 &&
           information.environment_block == nullptr;
}

/// Instruction pointer of a suspended thread, 0 when it cannot be read. Suspending is asynchronous; reading the context
/// waits until the thread really stands still.
std::uintptr_t read_instruction_pointer(HANDLE thread) noexcept {
    if (has_not_begun(thread)) {
        return SuspendedThreads::kNotBegun;
    }
    CONTEXT context;
    context.ContextFlags = CONTEXT_CONTROL;
    if (GetThreadContext(thread, &context) == 0) {
        return 0;
    }
#if defined(_M_IX86) || defined(__i386__)
    return context.Eip;
#else
    return context.Rip;
#endif
}

HMODULE module_at(const void* address, DWORD flags) noexcept {
    HMODULE module = nullptr;
    if (GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | flags, static_cast<const wchar_t*>(address),
                           &module) == 0) {
        return nullptr;
    }
    return module;
}

void copy_text(const char* text, char* out, std::size_t capacity) noexcept {
    std::size_t length = 0;
    for (; text[length] != '\0' && length + 1 < capacity; ++length) {
        out[length] = text[length];
    }
    out[length] = '\0';
}

}  // namespace

bool module_name_at(const void* address, char* name, std::size_t capacity) noexcept {
    if (capacity == 0) {
        return false;
    }
    name[0] = '\0';
    const HMODULE module = module_at(address, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT);
    std::array<char, kMaxPath> path{};
    if (module == nullptr || !detail::path_of(module, path.data(), path.size())) {
        return false;
    }
    copy_text(file_name(path.data()), name, capacity);
    return true;
}

void* hold_thread_id() noexcept {
    HANDLE thread = nullptr;  // an id belongs to its thread while a handle to that is open
    return DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &thread, SYNCHRONIZE, FALSE,
                           0) != 0
               ? thread
               : nullptr;
}

void let_go_thread_id(void* held) noexcept {
    if (held != nullptr) {
        CloseHandle(held);
    }
}

bool thread_has_ended(std::uint32_t id) noexcept {
    HANDLE thread = OpenThread(SYNCHRONIZE, FALSE, id);
    if (thread == nullptr) {
        return GetLastError() == ERROR_INVALID_PARAMETER;
    }
    const bool ended = WaitForSingleObject(thread, 0) == WAIT_OBJECT_0;
    CloseHandle(thread);
    return ended;
}

std::uint32_t current_process_id() noexcept {
    return GetCurrentProcessId();
}

bool NameClaim::take(const char* name) noexcept {
    if (mark_ != nullptr) {
        return true;
    }
    HANDLE mark = CreateEventA(nullptr, TRUE, FALSE, name);
    if (mark != nullptr && GetLastError() == ERROR_ALREADY_EXISTS) {
        SetEvent(mark);
        CloseHandle(mark);
        return false;
    }
    // The handle is never closed: the name is ours until the process ends. Without one there is nothing to tell two
    // claimants apart by, and the first of them must not be refused.
    mark_ = mark;
    return true;
}

bool NameClaim::others_asked() const noexcept {
    return mark_ != nullptr && WaitForSingleObject(mark_, 0) == WAIT_OBJECT_0;
}

bool pin_module_of(const void* address) noexcept {
    return module_at(address, GET_MODULE_HANDLE_EX_FLAG_PIN) != nullptr;
}

/// One walk over the process's threads. It steps on from threads that cannot disappear only, where it has the choice:
/// Wine's step from a thread that has ended is not reliable.
class SuspendedThreads::Walk {
public:
    Walk() noexcept = default;
    ~Walk() { step_from(nullptr, false); }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    /// A new handle to the thread after the one that was last stepped from; nullptr at the end.
    [[nodiscard]] HANDLE next() noexcept {
        HANDLE thread = nullptr;
        const LONG status = g_next_thread(GetCurrentProcess(), base_, kWalkAccess, 0, 0, &thread);
        broken_off_ = status < 0 && status != kNoMoreEntries;
        return status >= 0 ? thread : nullptr;
    }

    /// The last `next` gave nothing for another reason than that there is nothing more.
    [[nodiscard]] bool broken_off() const noexcept { return broken_off_; }

    /// `close`: the walk owns the handle from now on.
    void step_from(HANDLE thread, bool close) noexcept {
        if (close_base_) {
            CloseHandle(base_);
        }
        base_ = thread;
        close_base_ = close;
    }

private:
    HANDLE base_ = nullptr;
    bool close_base_ = false;
    bool broken_off_ = false;
};

bool SuspendedThreads::knows(std::uint32_t id) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (ids_[i] == id) {
            return true;
        }
    }
    return false;
}

/// The thread of this id, while `thread` keeps the id from being given to another one.
SuspendedThreads::Outcome SuspendedThreads::suspend_one(void* thread, std::uint32_t id) noexcept {
    HANDLE handle = OpenThread(kThreadAccess, FALSE, id);
    if (handle != nullptr && !detail::must_fail(Call::suspend) && SuspendThread(handle) != kSuspendFailed) {
        handles_[count_] = handle;
        ids_[count_] = id;
        ++count_;
        return Outcome::suspended;
    }
    if (handle != nullptr) {
        CloseHandle(handle);
    }
    return WaitForSingleObject(thread, 0) == WAIT_OBJECT_0 ? Outcome::ended : Outcome::refused;
}

SuspendedThreads::Outcome SuspendedThreads::take(void* thread, std::uint32_t id) noexcept {
    if (id == GetCurrentThreadId() || knows(id)) {
        return Outcome::stays;
    }
    return count_ == kMax ? Outcome::too_many : suspend_one(thread, id);
}

SuspendedThreads::Result SuspendedThreads::pass(Walk& walk) noexcept {
    std::uint32_t ended = 0;
    while (const HANDLE thread = walk.next()) {
        const std::uint32_t id = GetThreadId(thread);
        const Outcome outcome = take(thread, id);
        if (outcome == Outcome::ended && id != ended) {
            ended = id;  // when it comes again, it is still on the list and the walk goes on from it
            CloseHandle(thread);
            continue;
        }
        walk.step_from(thread, true);
        if (outcome == Outcome::too_many) {
            return Result::too_many;
        }
        if (outcome == Outcome::refused) {
            refused_thread_ = id;
            return Result::refused;
        }
    }
    if (walk.broken_off()) {
        refused_thread_ = 0;
        return Result::refused;
    }
    return Result::all;
}

/// Waits until the threads from number `first` on stand still. Separate from asking them to, so that busy threads stop
/// at the same time and not one after the other, each when it gets its next turn on the processor.
void SuspendedThreads::settle(std::size_t first) noexcept {
    for (std::size_t i = first; i < count_; ++i) {
        instruction_pointers_[i] = read_instruction_pointer(handles_[i]);
    }
}

void SuspendedThreads::prepare() noexcept {
    if (!has_functions()) {
        find_functions();
    }
}

SuspendedThreads::Result SuspendedThreads::suspend() noexcept {
    count_ = 0;
    prepare();
    Result result = has_functions() ? Result::all : Result::too_many;
    std::size_t before = kMax + 1;
    while (result == Result::all && before != count_) {
        before = count_;
        Walk walk;
        result = pass(walk);
        settle(before);
    }
    if (result != Result::all) {
        resume();
    }
    return result;
}

void SuspendedThreads::resume() noexcept {
    while (count_ > 0) {
        --count_;
        ResumeThread(handles_[count_]);
        CloseHandle(handles_[count_]);
        handles_[count_] = nullptr;
    }
}

std::uintptr_t SuspendedThreads::instruction_pointer(std::size_t index) const noexcept {
    return index < count_ ? instruction_pointers_[index] : 0;
}

}  // namespace mp::os
