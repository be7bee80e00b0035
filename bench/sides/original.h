// A native model of the game's allocators as docs/engine-contracts.md describes them (sections B.2 to B.6): 37 pools
// with their own arenas behind a spin lock each, one heap with bins behind one lock. The stand-in's code speaks 32-bit
// Windows and stands at fixed addresses; this is the same behaviour on Linux. What is not modelled: the virtual calls
// on the way, the file heap, and the stages of the memory-problem handler (a full heap asks the C library at once).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace mp::bench::original {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kArenaAlignment = std::size_t{16} << 20;

/// Reserves address space without memory; nullptr on failure. `at` 0 means anywhere.
char* reserve(std::uintptr_t at, std::size_t size);
bool commit(void* address, std::size_t size);
bool decommit(void* address, std::size_t size);

/// Reentrant, with the owner's number; waits by giving up the processor.
class SpinLock {
public:
    void lock();
    void unlock();

private:
    alignas(64) std::atomic<std::uint32_t> owner_{0};
    std::uint32_t depth_ = 0;
};

struct PoolLink {
    PoolLink* previous;
    PoolLink* next;
};

class Pool {
public:
    /// Reserves the arena at the first free multiple of 16 MB.
    bool open(std::uint32_t block_size, std::size_t arena_bytes);
    /// nullptr when the arena is used up.
    void* allocate();
    void free(void* block);

    [[nodiscard]] bool contains(const void* block) const {
        return static_cast<std::size_t>(static_cast<const char*>(block) - arena_) < arena_bytes_;
    }
    [[nodiscard]] std::uint32_t block_size() const { return block_size_; }
    [[nodiscard]] const char* arena() const { return arena_; }

private:
    bool add_page();
    void push(void* block);
    PoolLink* pop();
    std::int16_t& live_on_page_of(const void* block);

    SpinLock lock_;
    PoolLink* head_ = nullptr;
    char* arena_ = nullptr;
    std::size_t arena_bytes_ = 0;
    std::uint32_t block_size_ = 0;
    std::int16_t* page_live_ = nullptr;  ///< blocks in use per page, -1 = not committed
    std::uint32_t pages_ = 0;
};

struct HeapBlock {
    HeapBlock* previous;  ///< neighbour below
    std::uint32_t size;   ///< payload bytes, top bit set when free
    HeapBlock* previous_free;
    HeapBlock* next_free;
};

/// Bins of 4-byte steps up to 4 KB, one unsorted list above; first fit; merging; a tail that grows and shrinks by 64
/// KB.
class Heap {
public:
    bool open(std::size_t reserve_bytes, std::size_t first_commit);
    /// nullptr when the reservation is used up.
    void* allocate(std::uint32_t size);
    void free(void* user);

    [[nodiscard]] bool contains(const void* block) const {
        return static_cast<std::size_t>(static_cast<const char*>(block) - base_) < reserve_bytes_;
    }
    static std::uint32_t size_of(const void* user);

private:
    static constexpr std::uint32_t kBins = 1024;
    static constexpr std::uint32_t kGroups = 16;

    struct Bin {
        HeapBlock* head;
        HeapBlock* tail;
    };

    Bin& list_of(std::uint32_t size);
    Bin* find_larger_bin(std::uint32_t size);
    Bin& choose_list(std::uint32_t size);
    HeapBlock* take(HeapBlock* block, std::uint32_t size);
    HeapBlock* extend(std::uint32_t size);
    void insert_free(HeapBlock* block);
    void remove_free(HeapBlock* block);
    void merge(HeapBlock* block, HeapBlock* next);
    void coalesce(HeapBlock* block);
    void trim();
    [[nodiscard]] HeapBlock* next_block(const HeapBlock* block) const;

    std::mutex lock_;
    char* base_ = nullptr;
    std::size_t reserve_bytes_ = 0;
    std::size_t first_commit_ = 0;
    std::size_t committed_ = 0;
    std::size_t end_ = 0;
    HeapBlock* last_ = nullptr;
    Bin bins_[kBins]{};
    Bin large_{};
    std::uint32_t free_in_group_[kGroups]{};
};

}  // namespace mp::bench::original
