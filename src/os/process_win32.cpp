#include "os/process.h"

#include <windows.h>

#include <array>

namespace mp::os {
namespace {

// ntdll's walk over the threads of one process, there since Windows Vista. It is used instead of a Toolhelp snapshot
// because it neither takes a heap lock nor allocates: the second pass runs while every other thread is suspended, and
// any of them may hold the process heap's lock (Wine's snapshot allocates from that heap).
using NextThread = LONG(NTAPI*)(HANDLE process, HANDLE last, ACCESS_MASK access, ULONG attributes, ULONG flags,
                                HANDLE* next);

constexpr DWORD kThreadAccess = THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION;
constexpr DWORD kSuspendFailed = static_cast<DWORD>(-1);

/// nullptr when the system has no such function. Takes the loader lock: only before anything is suspended.
NextThread find_next_thread_function() noexcept {
    const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (ntdll == nullptr) {
        return nullptr;
    }
    return reinterpret_cast<NextThread>(reinterpret_cast<void (*)()>(GetProcAddress(ntdll, "NtGetNextThread")));
}

/// Instruction pointer of a suspended thread, 0 when it cannot be read. Suspending is asynchronous; reading the context
/// waits until the thread really stands still.
std::uintptr_t read_instruction_pointer(HANDLE thread) noexcept {
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

const char* file_name(const char* path) noexcept {
    const char* name = path;
    for (const char* c = path; *c != '\0'; ++c) {
        if (*c == '\\' || *c == '/') {
            name = c + 1;
        }
    }
    return name;
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
    std::array<char, MAX_PATH + 1> path{};
    if (module == nullptr || GetModuleFileNameA(module, path.data(), MAX_PATH) == 0) {
        return false;
    }
    copy_text(file_name(path.data()), name, capacity);
    return true;
}

bool pin_module_of(const void* address) noexcept {
    return module_at(address, GET_MODULE_HANDLE_EX_FLAG_PIN) != nullptr;
}

/// One walk over the process's threads. It steps on from threads that cannot disappear only, where it has the choice:
/// Wine's step from a thread that has ended is not reliable.
class SuspendedThreads::Walk {
public:
    explicit Walk(NextThread next_thread) noexcept : next_thread_(next_thread) {}
    ~Walk() { step_from(nullptr, false); }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    /// A new handle to the thread after the one that was last stepped from; nullptr at the end.
    [[nodiscard]] HANDLE next() const noexcept {
        HANDLE thread = nullptr;
        return next_thread_(GetCurrentProcess(), base_, kThreadAccess, 0, 0, &thread) >= 0 ? thread : nullptr;
    }

    /// `close`: the walk owns the handle from now on.
    void step_from(HANDLE thread, bool close) noexcept {
        if (close_base_) {
            CloseHandle(base_);
        }
        base_ = thread;
        close_base_ = close;
    }

private:
    NextThread next_thread_;
    HANDLE base_ = nullptr;
    bool close_base_ = false;
};

bool SuspendedThreads::knows(std::uint32_t id) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (ids_[i] == id) {
            return true;
        }
    }
    return false;
}

SuspendedThreads::Outcome SuspendedThreads::take(void* thread, std::uint32_t id) noexcept {
    if (id == GetCurrentThreadId() || knows(id)) {
        return Outcome::stays;
    }
    if (count_ == kMax) {
        return Outcome::too_many;
    }
    if (SuspendThread(thread) == kSuspendFailed) {
        return Outcome::ended;
    }
    handles_[count_] = thread;
    ids_[count_] = id;
    instruction_pointers_[count_] = read_instruction_pointer(thread);
    ++count_;
    return Outcome::suspended;
}

/// False when there are too many threads.
bool SuspendedThreads::pass(Walk& walk) noexcept {
    std::uint32_t ended = 0;
    while (const HANDLE thread = walk.next()) {
        const std::uint32_t id = GetThreadId(thread);
        const Outcome outcome = take(thread, id);
        if (outcome == Outcome::ended && id != ended) {
            ended = id;  // when it comes again, it is still on the list and the walk goes on from it
            CloseHandle(thread);
            continue;
        }
        walk.step_from(thread, outcome != Outcome::suspended);
        if (outcome == Outcome::too_many) {
            return false;
        }
    }
    return true;
}

bool SuspendedThreads::suspend() noexcept {
    count_ = 0;
    const NextThread next_thread = find_next_thread_function();
    bool complete = next_thread != nullptr;
    std::size_t before = kMax + 1;
    while (complete && before != count_) {
        before = count_;
        Walk walk(next_thread);
        complete = pass(walk);
    }
    if (!complete) {
        resume();
    }
    return complete;
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
