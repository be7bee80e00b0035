// Routing of the model: engine contract B.2, and the table of pools, B.3.
#include "sides/original.h"

#include "sides/generic.h"

#include <array>
#include <malloc.h>

namespace {

using namespace mp::bench::original;

struct PoolSpec {
    std::uint16_t block_size;
    std::uint8_t arena_mb;
};
constexpr PoolSpec kSpecs[] = {
    {8, 6},   {12, 5},  {16, 4},  {20, 4},  {24, 8},  {28, 4},  {32, 8},  {36, 3},  {40, 2},  {44, 4},
    {48, 2},  {52, 3},  {56, 1},  {64, 2},  {72, 13}, {76, 1},  {80, 3},  {92, 2},  {96, 15}, {100, 1},
    {104, 4}, {120, 4}, {128, 1}, {160, 2}, {192, 2}, {200, 3}, {208, 3}, {240, 3}, {256, 1}, {272, 2},
    {288, 3}, {400, 1}, {448, 1}, {480, 4}, {508, 4}, {576, 2}, {596, 1},
};
constexpr std::size_t kMegabyte = 1 << 20;
/// As players' set-ups have it; the first commit is the engine's.
constexpr std::size_t kHeapReserve = 500 * kMegabyte;
constexpr std::size_t kHeapCommit = 85 * kMegabyte;
constexpr std::size_t kFileHeapReserve = 64 * kMegabyte;

std::array<Pool, std::size(kSpecs)> g_pools;
std::array<Pool*, 256> g_pool_by_size;
std::array<Pool*, 256> g_pool_by_address;
Heap g_heap;

Pool* entry(std::size_t n, std::size_t step) {
    return g_pool_by_size[((n + step - 1) & ~(step - 1)) / 4];
}

Pool* pool_for(std::size_t n) {
    if (n >= 0x3FD) {
        return nullptr;
    }
    if (Pool* const exact = g_pool_by_size[n / 4]) {
        return exact;
    }
    if (n < 300) {
        return entry(n, 16);
    }
    if (n < 512) {
        Pool* const near = entry(n, 16);
        return near != nullptr ? near : entry(n, 32);
    }
    return n < 576 ? g_pool_by_size[576 / 4] : nullptr;
}

Pool* pool_of(const void* block) {
    Pool* const pool = g_pool_by_address[reinterpret_cast<std::uintptr_t>(block) / kArenaAlignment];
    return pool != nullptr && pool->contains(block) ? pool : nullptr;
}

}  // namespace

extern "C" {

int side_start() {
    if (!g_heap.open(kHeapReserve, kHeapCommit) || reserve(0, kFileHeapReserve) == nullptr) {
        return 0;
    }
    for (std::size_t i = 0; i < g_pools.size(); ++i) {
        if (!g_pools[i].open(kSpecs[i].block_size, kSpecs[i].arena_mb * kMegabyte)) {
            return 0;
        }
        g_pool_by_size[kSpecs[i].block_size / 4] = &g_pools[i];
        g_pool_by_address[reinterpret_cast<std::uintptr_t>(g_pools[i].arena()) / kArenaAlignment] = &g_pools[i];
    }
    return 1;
}

size_t side_largest() {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    const std::size_t n = size <= 8 ? 8 : (size + 3) & ~std::size_t{3};
    if (Pool* const pool = pool_for(n)) {
        if (void* const block = pool->allocate()) {
            return block;
        }
    }
    void* const block = g_heap.allocate(static_cast<std::uint32_t>(n));
    return block != nullptr ? block : malloc(n);
}

void side_free(void* block) {
    if (block == nullptr) {
        return;
    }
    if (Pool* const pool = pool_of(block)) {
        pool->free(block);
    } else if (g_heap.contains(block)) {
        g_heap.free(block);
    } else {
        free(block);
    }
}

void* side_calloc(size_t count, size_t size) {
    return generic_calloc(count, size);
}

void* side_realloc(void* block, size_t size) {
    return generic_realloc(block, size);
}

size_t side_usable(void* block) {
    if (const Pool* const pool = pool_of(block)) {
        return pool->block_size();
    }
    return g_heap.contains(block) ? Heap::size_of(block) : malloc_usable_size(block);
}

void side_thread_start() {}

void side_thread_end() {}

void side_trim() {}

int side_owns(const void* address) {
    return pool_of(address) != nullptr || g_heap.contains(address) ? 1 : -1;
}
}
