// Helpers of the engine's memory tests: objects built through the engine's own entry points, a look at and a hand in
// its kernel calls.
#pragma once

#include <windows.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "game/functions.h"
#include "standin/memory/engine.h"
#include "standin/memory/heap_lists.h"

namespace mp::standin::test {

/// Replaces one import slot for the life of the object, whatever the protection of the table is.
class SlotReplacement {
public:
    SlotReplacement(game::Addr slot, const void* function) : slot_(slot), original_(*at<game::Ptr32>(slot)) {
        write(addr_of(function));
    }
    ~SlotReplacement() { write(original_); }
    SlotReplacement(const SlotReplacement&) = delete;
    SlotReplacement& operator=(const SlotReplacement&) = delete;

    [[nodiscard]] game::Ptr32 original() const { return original_; }

private:
    void write(game::Ptr32 value) {
        DWORD old = 0;
        VirtualProtect(at<void>(slot_), sizeof value, PAGE_READWRITE, &old);
        *at<game::Ptr32>(slot_) = value;
        VirtualProtect(at<void>(slot_), sizeof value, old, &old);
    }
    game::Addr slot_;
    game::Ptr32 original_;
};

/// Records the engine's VirtualAlloc and VirtualFree calls, and lets the next allocations fail. One at a time.
class KernelProbe {
public:
    struct Call {
        std::uint32_t address;
        std::uint32_t bytes;
        std::uint32_t type;
        bool succeeded;
        std::uint32_t caller;  ///< where the call returns to
    };

    KernelProbe()
        : alloc_(game::import_slot::kVirtualAlloc, reinterpret_cast<const void*>(&on_alloc)),
          free_(game::import_slot::kVirtualFree, reinterpret_cast<const void*>(&on_free)) {
        current_ = this;
    }
    ~KernelProbe() { current_ = nullptr; }
    KernelProbe(const KernelProbe&) = delete;
    KernelProbe& operator=(const KernelProbe&) = delete;

    /// The next `count` allocations return NULL.
    void fail_next(std::uint32_t count) { failures_ = count; }

    [[nodiscard]] const std::vector<Call>& allocs() const { return allocs_; }
    [[nodiscard]] const std::vector<Call>& frees() const { return frees_; }
    void clear() {
        allocs_.clear();
        frees_.clear();
    }

private:
    static void* MP_STDCALL on_alloc(void* address, std::uint32_t bytes, std::uint32_t type, std::uint32_t protect) {
        KernelProbe& self = *current_;
        void* result = nullptr;
        if (self.failures_ != 0) {
            --self.failures_;
        } else {
            using Function = void*(MP_STDCALL*)(void*, std::uint32_t, std::uint32_t, std::uint32_t);
            result = at<std::remove_pointer_t<Function>>(self.alloc_.original())(address, bytes, type, protect);
        }
        self.allocs_.push_back(
            {addr_of(address), bytes, type, result != nullptr, addr_of(__builtin_return_address(0))});
        return result;
    }
    static std::uint32_t MP_STDCALL on_free(void* address, std::uint32_t bytes, std::uint32_t type) {
        KernelProbe& self = *current_;
        using Function = std::uint32_t(MP_STDCALL*)(void*, std::uint32_t, std::uint32_t);
        const auto result = at<std::remove_pointer_t<Function>>(self.free_.original())(address, bytes, type);
        self.frees_.push_back({addr_of(address), bytes, type, result != 0, addr_of(__builtin_return_address(0))});
        return result;
    }

    inline static KernelProbe* current_ = nullptr;
    SlotReplacement alloc_;
    SlotReplacement free_;
    std::uint32_t failures_ = 0;
    std::vector<Call> allocs_;
    std::vector<Call> frees_;
};

/// Whether the address can be reserved again. VirtualQuery is not asked: Wine reports free memory as reserved.
inline bool can_be_reserved(std::uint32_t address) {
    void* const region = VirtualAlloc(at<void>(address), 0x10000, MEM_RESERVE, PAGE_NOACCESS);
    if (region != nullptr) {
        VirtualFree(region, 0, MEM_RELEASE);
    }
    return region != nullptr;
}

/// State of the page that holds an address inside a reservation: MEM_COMMIT or MEM_RESERVE.
inline DWORD page_state(std::uint32_t address) {
    MEMORY_BASIC_INFORMATION information{};
    VirtualQuery(at<const void>(address), &information, sizeof information);
    return information.State;
}

/// Sets the calling thread's memory context for the life of the object.
class InContext {
public:
    explicit InContext(std::uint32_t wanted) : saved_(std::exchange(thread_context(), wanted)) {}
    ~InContext() { thread_context() = saved_; }
    InContext(const InContext&) = delete;
    InContext& operator=(const InContext&) = delete;

private:
    std::uint32_t saved_;
};

/// Walks a heap's physical chain; true when links, counts and the end agree.
inline bool chain_is_sound(const game::MemoryHeap* heap) {
    std::uint32_t blocks = 0;
    std::uint32_t free_blocks = 0;
    std::uint32_t bytes = 0;
    game::Ptr32 previous = 0;
    for (const game::HeapBlock* block = at<const game::HeapBlock>(heap->first_block); block != nullptr;
         block = next_block(heap, block)) {
        if (block->previous != previous) {
            return false;
        }
        previous = addr_of(block);
        ++blocks;
        free_blocks += is_free(block) ? 1 : 0;
        bytes += payload(block) + game::kHeapHeaderSize;
    }
    return blocks == heap->block_count && free_blocks == heap->free_block_count && bytes == heap->end;
}

/// A MemoryHeap of our own, beside the game's.
class TestHeap {
public:
    static constexpr std::uint32_t kReserve = 0x400000;
    static constexpr std::uint32_t kCommit = 0x100000;

    explicit TestHeap(std::uint32_t reserve = kReserve, std::uint32_t commit = kCommit)
        : heap_(std::make_unique<game::MemoryHeap>()) {
        fn::kHeapConstruct(heap_.get(), reserve, commit, "Test Heap", 0);
    }
    ~TestHeap() { fn::kHeapDestroy(heap_.get()); }
    TestHeap(const TestHeap&) = delete;
    TestHeap& operator=(const TestHeap&) = delete;

    game::MemoryHeap* operator->() { return heap_.get(); }
    game::MemoryHeap* get() { return heap_.get(); }
    void* allocate(std::uint32_t size) {
        return call_virtual<void*>(heap_.get(), slot::kAllocate, size, std::uint32_t{0});
    }
    void free(void* block) { call_virtual<void>(heap_.get(), slot::kFree, block, std::uint32_t{0}); }
    bool sound() { return chain_is_sound(heap_.get()); }

private:
    std::unique_ptr<game::MemoryHeap> heap_;
};

/// A pool of a size that the game has none for, beside the game's.
class TestPool {
public:
    static constexpr std::uint32_t kBlockSize = 112;
    static constexpr std::uint32_t kBlocksPerPage = game::kPoolPageSize / kBlockSize;
    static constexpr std::uint32_t kArenaBytes = 0x100000;

    TestPool() : pool_(std::make_unique<game::MemoryPool>()) {
        fn::kPoolConstruct(pool_.get(), kBlockSize, kArenaBytes, "Test Pool");
    }
    ~TestPool() { fn::kPoolDestroy(pool_.get()); }
    TestPool(const TestPool&) = delete;
    TestPool& operator=(const TestPool&) = delete;

    game::MemoryPool* operator->() { return pool_.get(); }
    game::MemoryPool* get() { return pool_.get(); }
    void* allocate() { return fn::kPoolAllocate(pool_.get(), kBlockSize); }
    void free(void* block) { fn::kPoolFree(pool_.get(), block); }
    std::int16_t live_on_page(std::uint32_t page) { return at<const std::int16_t>(pool_->page_live)[page]; }
    /// Addresses of the free list, head first.
    std::vector<std::uint32_t> free_list() {
        std::vector<std::uint32_t> addresses;
        for (game::Ptr32 block = pool_->free_head; block != 0; block = at<const PoolLink>(block)->next) {
            addresses.push_back(block);
        }
        return addresses;
    }

private:
    std::unique_ptr<game::MemoryPool> pool_;
};

/// The engine's scrap manager, with an empty cache.
inline game::ScrapHeapManager* empty_scrap_manager() {
    auto* const scraps = fn::kScrapManager();
    fn::kFreeAllBuffers(scraps);
    return scraps;
}

/// A scrap heap of our own, on a buffer that is new.
class TestScrapHeap {
public:
    TestScrapHeap() {
        empty_scrap_manager();
        fn::kScrapInit(&heap_);
    }
    ~TestScrapHeap() { purge(); }
    TestScrapHeap(const TestScrapHeap&) = delete;
    TestScrapHeap& operator=(const TestScrapHeap&) = delete;

    game::ScrapHeap* operator->() { return &heap_; }
    game::ScrapHeap* get() { return &heap_; }
    void* allocate(std::uint32_t size, std::uint32_t alignment = 4) {
        return fn::kScrapAllocate(&heap_, size, alignment);
    }
    void free(void* block) { fn::kScrapFree(&heap_, block); }
    void purge() {
        if (heap_.base != 0) {
            fn::kScrapPurge(&heap_);
        }
    }
    [[nodiscard]] std::uint32_t committed() const { return heap_.end - heap_.base; }

private:
    game::ScrapHeap heap_{};
};

/// Runs `work` on a thread of its own and waits for it.
template <typename Work>
void on_other_thread(Work work) {
    std::thread(std::move(work)).join();
}

/// The next value of a small deterministic generator.
inline std::uint32_t next_random(std::uint32_t& state) {
    state = state * 1664525U + 1013904223U;
    return state >> 8;
}

/// A block filled with a pattern of its own, so that any overlap or foreign write shows.
struct PatternBlock {
    std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    std::uint8_t seed = 0;

    void fill() const {
        for (std::uint32_t i = 0; i < size; ++i) {
            data[i] = static_cast<std::uint8_t>(seed + i * 7);
        }
    }
    /// Whether the first `bytes` bytes still hold the pattern.
    [[nodiscard]] bool holds(std::uint32_t bytes) const {
        for (std::uint32_t i = 0; i < bytes; ++i) {
            if (data[i] != static_cast<std::uint8_t>(seed + i * 7)) {
                return false;
            }
        }
        return true;
    }
    [[nodiscard]] bool intact() const { return holds(size); }
};

inline void* allocate(std::uint32_t size) {
    return fn::kAllocate(&manager(), size);
}
inline void deallocate(void* block) {
    fn::kFree(&manager(), block);
}
inline std::uint32_t size_of(void* block) {
    return fn::kSize(&manager(), block);
}

}  // namespace mp::standin::test
