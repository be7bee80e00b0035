// The harness's own containers live in a heap of their own that the meter leaves out of its sums. What the game's side
// allocates never goes this way.
#include "meter/kernel_meter.h"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <windows.h>

namespace {

using mp::meter::OwnMemory;

HANDLE heap() {
    static const HANDLE own = HeapCreate(0, 0, 0);
    return own;
}

void* allocate(std::size_t size) {
    const OwnMemory own;
    void* block = HeapAlloc(heap(), 0, size == 0 ? 1 : size);
    if (block == nullptr) {
        std::fputs("no memory for the harness's own containers\n", stderr);
        std::abort();  // the harness itself has no use for a half-made measurement
    }
    return block;
}

void release(void* block) noexcept {
    if (block != nullptr) {
        const OwnMemory own;
        HeapFree(heap(), 0, block);
    }
}

}  // namespace

void* operator new(std::size_t size) {
    return allocate(size);
}
void operator delete(void* block) noexcept {
    release(block);
}
void operator delete(void* block, std::size_t /*size*/) noexcept {
    release(block);
}
