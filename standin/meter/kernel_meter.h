// Counts every kernel memory call of the process on its own memory, whoever makes it: the system's own entries in
// ntdll.dll are detoured, so that no allocator under measurement can miscount or forget a call.
#pragma once

#include <cstdint>

namespace mp::meter {

struct KernelCalls {
    std::uint64_t allocate = 0;   ///< NtAllocateVirtualMemory: reserve and commit
    std::uint64_t free = 0;       ///< NtFreeVirtualMemory: decommit and release
    std::uint64_t protect = 0;    ///< NtProtectVirtualMemory
    std::uint64_t by_system = 0;  ///< of those, made inside ntdll.dll itself: by the system's own heaps

    [[nodiscard]] std::uint64_t total() const { return allocate + free + protect; }
    friend KernelCalls operator-(const KernelCalls& a, const KernelCalls& b) {
        return {a.allocate - b.allocate, a.free - b.free, a.protect - b.protect, a.by_system - b.by_system};
    }
    friend bool operator==(const KernelCalls&, const KernelCalls&) = default;
};

/// Installs the detours. False, with nothing changed, when the entries do not start with `mov eax, imm32` or no
/// thread-local slot is left; `reason` then says why. Call once, before other threads work.
bool install(const char** reason);
/// Puts the original bytes back.
void uninstall();

/// Calls counted so far: of all threads, or of the calling thread. Failed calls count too. Zeros before `install`.
KernelCalls all_threads();
KernelCalls this_thread();

/// While one lives, the calling thread's calls are not counted: for probes, and for the harness's own memory.
class Pause {
public:
    Pause();
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
};

}  // namespace mp::meter
