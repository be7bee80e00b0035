// The set of pools: construction, the two tables, shutdown.
#include <array>

#include "engine.h"
#include "game/pools.h"

using mp::game::MemoryManager;
using mp::game::MemoryPool;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::uint32_t kSmallestPool = 8;

using PoolName = std::array<char, 9>;

/// "Pool 8" to "Pool 596": the engine's own names for the pools are not established.
constexpr auto kNames = [] {
    std::array<PoolName, game::kPools.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) {
        names[i] = {'P', 'o', 'o', 'l', ' '};
        std::size_t at = 5;
        for (std::uint32_t unit = 100; unit != 0; unit /= 10) {
            const std::uint32_t size = game::kPools[i].block_size;
            if (size >= unit) {
                names[i][at++] = static_cast<char>('0' + size / unit % 10);
            }
        }
    }
    return names;
}();

consteval std::uint32_t total_megabytes() {
    std::uint32_t total = 0;
    for (const game::PoolSpec& pool : game::kPools) {
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
    auto* const memory = static_cast<MemoryPool*>(fn::kAllocate(self, sizeof(MemoryPool)));
    auto* const pool = fn::kPoolConstruct(memory, block_size, arena_bytes, name);
    if (pool->arena == 0) {
        fn::kPoolDestroy(pool);
        fn::kFree(self, pool);
        return;
    }
    ++engine_counters.pools_built;
}

}  // namespace

extern "C" {

// Constructor (engine contract B.3): fields, page array, arena, both tables.
std::uint32_t eng_00AA66A0(Step* step, MemoryPool* self, std::uint32_t block_size, std::uint32_t arena_bytes,
                           const char* name) {
    constexpr std::uint32_t kReserveCall = 1;
    if (step->number == kReserveCall) {
        if (self->arena != 0) {
            register_pool(self);
        }
        return step->finish(self);
    }
    *self = {};
    self->name = addr_of(name);
    self->block_size = block_size;
    self->arena_bytes = arena_bytes;
    self->page_count = arena_bytes / game::kPoolPageSize;
    const std::uint32_t array_bytes = self->page_count * std::uint32_t{sizeof(std::int16_t)};
    void* const array = fn::kAllocate(&manager(), array_bytes);
    std::memset(array, 0xFF, array_bytes);
    self->page_live = addr_of(array);
    return step->call(kReserveCall, self);
}

// Destructor (engine contract B.3).
void eng_00AA6800(MemoryPool* self) {
    unregister_pool(self);
    fn::kReleaseArena(self);
    fn::kFree(&manager(), at<void>(self->page_live));
}

// Shutdown (engine contract B.3).
void eng_00AA68A0() {
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        if (auto* const pool = at<MemoryPool>(pool_by_size()[i])) {
            fn::kPoolDestroy(pool);
            fn::kFree(&manager(), pool);
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
    for (std::size_t i = 0; i < game::kPools.size(); ++i) {
        const game::PoolSpec& pool = game::kPools[i];
        fn::kCreatePool(self, pool.block_size, pool.arena_mb * 0x100000U, kNames[i].data());
    }
}

}  // extern "C"
