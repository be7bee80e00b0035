// Counts every kernel memory call of the process on its own memory, whoever makes it, and sums up what these calls
// reserve and commit: the system's own entries in ntdll.dll are detoured, so that no allocator under measurement can
// miscount or forget a call.
#pragma once

#include "meter/page_map.h"

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

/// What the calls since the installation hold, of all threads: private memory, neither sections and images nor the
/// stacks that come with threads. What was there before counts from the first commit that names it. Exact at any
/// moment.
AddressSpace memory_now();
/// The largest values since `begin_memory_peak`, or since the installation.
AddressSpace memory_peak();
void begin_memory_peak();

/// From here on nothing is counted any more, and no call waits for another thread's. For before threads are suspended
/// or ended in the midst of a call.
void stop();

/// While one lives, the calling thread's calls are not counted; the memory they are about is.
class Pause {
public:
    Pause();
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
};

/// While one lives, the calling thread's calls are not counted, and what they reserve is the harness's own: it is left
/// out of the sums until it is released, wherever that happens. For probes and for the harness's own containers.
class OwnMemory {
public:
    OwnMemory();
    ~OwnMemory();
    OwnMemory(const OwnMemory&) = delete;
    OwnMemory& operator=(const OwnMemory&) = delete;

private:
    Pause pause_;
};

}  // namespace mp::meter
