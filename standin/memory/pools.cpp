// The set of pools: construction, the two tables, shutdown.
#include <array>

#include "engine.h"

using mp::game::MemoryManager;
using mp::game::MemoryPool;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::uint32_t kSmallestPool = 8;

struct PoolSpec {
    std::uint16_t block_size;
    std::uint8_t arena_mb;
    const char* name;
};

/// Engine contract B.3, in its order. The engine's names for the pools are not established.
constexpr std::array<PoolSpec, 37> kPools{{
    {8, 6, "Pool 8"},     {12, 5, "Pool 12"},   {16, 4, "Pool 16"},   {20, 4, "Pool 20"},   {24, 8, "Pool 24"},
    {28, 4, "Pool 28"},   {32, 8, "Pool 32"},   {36, 3, "Pool 36"},   {40, 2, "Pool 40"},   {44, 4, "Pool 44"},
    {48, 2, "Pool 48"},   {52, 3, "Pool 52"},   {56, 1, "Pool 56"},   {64, 2, "Pool 64"},   {72, 13, "Pool 72"},
    {76, 1, "Pool 76"},   {80, 3, "Pool 80"},   {92, 2, "Pool 92"},   {96, 15, "Pool 96"},  {100, 1, "Pool 100"},
    {104, 4, "Pool 104"}, {120, 4, "Pool 120"}, {128, 1, "Pool 128"}, {160, 2, "Pool 160"}, {192, 2, "Pool 192"},
    {200, 3, "Pool 200"}, {208, 3, "Pool 208"}, {240, 3, "Pool 240"}, {256, 1, "Pool 256"}, {272, 2, "Pool 272"},
    {288, 3, "Pool 288"}, {400, 1, "Pool 400"}, {448, 1, "Pool 448"}, {480, 4, "Pool 480"}, {508, 4, "Pool 508"},
    {576, 2, "Pool 576"}, {596, 1, "Pool 596"},
}};

consteval std::uint32_t total_megabytes() {
    std::uint32_t total = 0;
    for (const PoolSpec& pool : kPools) {
        total += pool.arena_mb;
    }
    return total;
}
static_assert(total_megabytes() == 132);

void register_pool(MemoryPool* pool) {
    pool_by_size()[pool->block_size / 4] = addr_of(pool);
    pool_by_address()[pool->arena / game::kArenaAlignment] = addr_of(pool);
}

void unregister_pool(MemoryPool* pool) {
    if (pool->arena != 0) {
        pool_by_size()[pool->block_size / 4] = 0;
        pool_by_address()[pool->arena / game::kArenaAlignment] = 0;
    }
}

void create_pool_in_context(MemoryManager* self, std::uint32_t block_size, std::uint32_t arena_bytes,
                            const char* name) {
    void* const memory = call_this<void*>(fn::kAllocate, self, std::uint32_t{sizeof(MemoryPool)});
    auto* const pool = call_this<MemoryPool*>(fn::kPoolConstruct, memory, block_size, arena_bytes, name);
    if (pool->arena == 0) {
        call_this<void>(fn::kPoolDestroy, pool);
        call_this<void>(fn::kFree, self, pool);
        return;
    }
    ++engine_counters.pools_built;
}

}  // namespace

extern "C" {

// Constructor (engine contract B.3): fields, page array, arena, both tables.
MemoryPool* eng_00AA66A0(MemoryPool* self, std::uint32_t block_size, std::uint32_t arena_bytes, const char* name) {
    *self = {};
    self->name = addr_of(name);
    self->block_size = block_size;
    self->arena_bytes = arena_bytes;
    self->page_count = arena_bytes / game::kPoolPageSize;
    const std::uint32_t array_bytes = self->page_count * std::uint32_t{sizeof(std::int16_t)};
    void* const array = call_this<void*>(fn::kAllocate, &manager(), array_bytes);
    std::memset(array, 0xFF, array_bytes);
    self->page_live = addr_of(array);
    call_this<void>(fn::kArenaReserve, self);
    if (self->arena != 0) {
        register_pool(self);
    }
    return self;
}

// Destructor (engine contract B.3).
void eng_00AA6800(MemoryPool* self) {
    unregister_pool(self);
    call_this<std::uint32_t>(fn::kArenaRelease, self);
    call_this<void>(fn::kFree, &manager(), at<void>(self->page_live));
}

// Engine contract B.3.
void eng_00AA6840() {
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        pool_by_size()[i] = 0;
        pool_by_address()[i] = 0;
    }
}

// Shutdown (engine contract B.3).
void eng_00AA68A0() {
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        if (auto* const pool = at<MemoryPool>(pool_by_size()[i])) {
            call_this<void>(fn::kPoolDestroy, pool);
            call_this<void>(fn::kFree, &manager(), pool);
        }
    }
}

// CreatePool (engine contract B.3): the pool object itself comes from the heap of context 3.
void eng_00AA3CC0(MemoryManager* self, std::uint32_t block_size, std::uint32_t arena_bytes, const char* name) {
    std::uint32_t& context = thread_context();
    const std::uint32_t saved = context;
    context = context::kPools;
    if (block_size >= kSmallestPool) {
        self->pools_allowed = 0;
        create_pool_in_context(self, block_size, arena_bytes, name);
        self->pools_allowed = 1;
    }
    context = saved;
}

// Engine contract B.3.
void eng_00866770(MemoryManager* self) {
    for (const PoolSpec& pool : kPools) {
        call_this<void>(fn::kCreatePool, self, std::uint32_t{pool.block_size}, pool.arena_mb * 0x100000U, pool.name);
    }
}

}  // extern "C"
