#include "app/busy_exit.h"

#include "app/engine_calls.h"
#include "app/random.h"

#include <cstdint>
#include <cstring>
#include <windows.h>

namespace mp::app {
namespace {

constexpr std::uint32_t kThreads = 8;
constexpr std::uint32_t kBlocks = 64;

/// All doors, all sizes, blocks that wander between threads.
DWORD WINAPI work(void* parameter) {
    static void* volatile shared[kBlocks];
    Random random(reinterpret_cast<std::uintptr_t>(parameter));
    set_context(game::kDefaultContext);
    while (true) {
        const std::uint32_t size = random.chance(950) ? random.between(1, 700) : random.between(1, 300000);
        void* block = fn::kOperatorNew(size);
        std::memset(block, 1, size < 64 ? size : 64);
        void* other = InterlockedExchangePointer(&shared[random.below(kBlocks)], block);
        if (other != nullptr) {
            fn::kOperatorDelete(random.chance(100) ? fn::kReallocate1(manager(), other, 700) : other);
        }
        fn::kCrtFree(fn::kCrtMalloc(size));
        void* scrap = fn::kScrapAllocate(fn::kThreadScrapHeap(manager()), size, kScrapAlignment);
        fn::kScrapFree(fn::kThreadScrapHeap(manager()), scrap);
    }
}

}  // namespace

void exit_while_busy(BusyExit kind, unsigned seed) {
    for (std::uint32_t i = 0; i < kThreads; ++i) {
        // The engine's map of scrap heaps is not locked: each thread enters itself before the next one starts.
        CloseHandle(CreateThread(nullptr, 0, &work, reinterpret_cast<void*>(std::uintptr_t{seed} * kThreads + i + 1), 0,
                                 nullptr));
        Sleep(1);
    }
    Sleep(seed % 7);
    if (kind == BusyExit::abrupt) {
        TerminateProcess(GetCurrentProcess(), kAbruptExitCode);
    }
}

}  // namespace mp::app
