#include "app/harness_memory.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <windows.h>

namespace {

constexpr std::size_t kHeapOverhead = 16;  ///< of a heap's block, about
constinit std::atomic<std::uint64_t> g_bytes{0};

HANDLE heap() {
    static const HANDLE own = HeapCreate(0, 0, 0);
    return own;
}

void* allocate(std::size_t size) {
    void* block = HeapAlloc(heap(), 0, size == 0 ? 1 : size);
    if (block == nullptr) {
        std::abort();  // the harness itself has no use for a half-made measurement
    }
    g_bytes.fetch_add(HeapSize(heap(), 0, block) + kHeapOverhead, std::memory_order_relaxed);
    return block;
}

void release(void* block) noexcept {
    if (block != nullptr) {
        g_bytes.fetch_sub(HeapSize(heap(), 0, block) + kHeapOverhead, std::memory_order_relaxed);
        HeapFree(heap(), 0, block);
    }
}

}  // namespace

namespace mp::app {

std::uint64_t harness_bytes() {
    return g_bytes.load(std::memory_order_relaxed);
}

void count_stack_of_this_thread() {
    MEMORY_BASIC_INFORMATION here{};
    VirtualQuery(&here, &here, sizeof here);
    const auto* at = static_cast<const std::uint8_t*>(here.AllocationBase);
    MEMORY_BASIC_INFORMATION part{};
    while (VirtualQuery(at, &part, sizeof part) == sizeof part && part.AllocationBase == here.AllocationBase) {
        if (part.State == MEM_COMMIT) {
            g_bytes.fetch_add(part.RegionSize, std::memory_order_relaxed);
        }
        at += part.RegionSize;
    }
}

}  // namespace mp::app

void* operator new(std::size_t size) {
    return allocate(size);
}
void operator delete(void* block) noexcept {
    release(block);
}
void operator delete(void* block, std::size_t /*size*/) noexcept {
    release(block);
}
