#include "os/memory_fault.h"

#include <windows.h>

#include <atomic>

namespace mp::os {
namespace {

constinit std::atomic<FaultWatcher> g_watcher{nullptr};

LONG CALLBACK look(EXCEPTION_POINTERS* exception) noexcept {
    const EXCEPTION_RECORD& record = *exception->ExceptionRecord;
    if (record.ExceptionCode != EXCEPTION_ACCESS_VIOLATION || record.NumberParameters < 2) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    const CONTEXT& context = *exception->ContextRecord;
    const MemoryFault fault{.address = record.ExceptionInformation[1],
                            .is_write = record.ExceptionInformation[0] == 1,
                            .code = reinterpret_cast<std::uintptr_t>(record.ExceptionAddress),
                            .frame_pointer = context.Ebp,
                            .stack_pointer = context.Esp};
    const FaultWatcher watcher = g_watcher.load(std::memory_order_acquire);
    return watcher != nullptr && watcher(fault) == FaultAnswer::repeat ? EXCEPTION_CONTINUE_EXECUTION
                                                                       : EXCEPTION_CONTINUE_SEARCH;
}

}  // namespace

bool watch_memory_faults(FaultWatcher watcher) noexcept {
    g_watcher.store(watcher, std::memory_order_release);
    constexpr ULONG kFirst = 1;
    return AddVectoredExceptionHandler(kFirst, &look) != nullptr;
}

}  // namespace mp::os
