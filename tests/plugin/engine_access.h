// How the tests reach into the stand-in of the engine: its functions by address, its bytes, its data.
#pragma once

#include <gtest/gtest.h>
#include <windows.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "game/call.h"
#include "game/functions.h"
#include "game/layouts.h"
#include "os/thread_block.h"

namespace mp::test {

using game::Addr;

/// Overwrites bytes of the image, as another component would.
inline void poke(Addr va, const void* bytes, std::size_t size) {
    DWORD old = 0;
    ASSERT_NE(VirtualProtect(game::at<void>(va), size, PAGE_READWRITE, &old), 0);
    std::memcpy(game::at<void>(va), bytes, size);
    DWORD ignored = 0;
    ASSERT_NE(VirtualProtect(game::at<void>(va), size, old, &ignored), 0);
    FlushInstructionCache(GetCurrentProcess(), game::at<void>(va), size);
}

/// Bytes of the image as they are now.
inline std::vector<std::uint8_t> bytes_at(Addr va, std::size_t size) {
    const auto* bytes = game::at<const std::uint8_t>(va);
    return {bytes, bytes + size};
}

/// Changes bytes for the life of the object.
class Altered {
public:
    Altered(Addr va, const std::vector<std::uint8_t>& bytes) : va_(va), before_(bytes.size()) {
        std::memcpy(before_.data(), game::at<void>(va), bytes.size());
        poke(va, bytes.data(), bytes.size());
    }
    ~Altered() { poke(va_, before_.data(), before_.size()); }
    Altered(const Altered&) = delete;
    Altered& operator=(const Altered&) = delete;

private:
    Addr va_;
    std::vector<std::uint8_t> before_;
};

/// All code and vtable bytes around the table's sites.
inline std::vector<std::uint8_t> snapshot_of_sites() {
    std::vector<std::uint8_t> bytes;
    const auto add = [&](Addr va, std::size_t size) {
        const auto* data = game::at<const std::uint8_t>(va);
        bytes.insert(bytes.end(), data, data + size);
    };
    for (const game::Site& site : game::kSites) {
        add(site.va, std::max<std::size_t>(site.size, 32));
    }
    add(game::data::kMemoryHeapVtable, 0x48);
    return bytes;
}

// --- the game's front doors ----------------------------------------------------------------------------------------

inline game::MemoryManager* manager() {
    return game::at<game::MemoryManager>(game::data::kMemoryManager);
}
inline void* allocate(std::uint32_t size) {
    return game::fn::kAllocate(manager(), size);
}
inline void release(void* block) {
    game::fn::kFree(manager(), block);
}
inline void* reallocate(void* block, std::uint32_t size) {
    return game::fn::kReallocate1(manager(), block, size);
}
inline std::uint32_t size_of(void* block) {
    return game::fn::kSize(manager(), block);
}

inline game::MemoryHeap* default_heap() {
    const auto* m = game::at<game::MemoryManager>(game::data::kMemoryManager);
    return game::at<game::MemoryHeap>(m->heap_by_context[game::kDefaultContext]);
}

/// A function of the heap through its vtable.
template <typename Result, typename... Args>
Result heap_call(game::MemoryHeap* heap, std::uint32_t slot, Args... args) {
    return game::call_this<Result>(*game::at<Addr>(heap->vtable + slot), heap, args...);
}
inline void* heap_allocate(std::uint32_t size) {
    return heap_call<void*>(default_heap(), 0x08, size, std::uint32_t{0});
}
inline void heap_free(void* block) {
    heap_call<void>(default_heap(), 0x0C, block, std::uint32_t{0});
}
inline bool heap_contains(const void* address) {
    return (heap_call<std::uint32_t>(default_heap(), 0x10, address) & 0xFF) != 0;
}
inline std::uint32_t heap_size(const void* block) {
    return heap_call<std::uint32_t>(default_heap(), 0x24, block, std::uint32_t{0});
}

/// The memory context of the calling thread: which heap serves what the pools do not. A new thread has context 0, whose
/// blocks come from the Static heap as long as it lasts (engine contract B.1).
inline void set_memory_context(std::uint32_t context) {
    std::uint8_t* block = os::thread_block(*game::at<std::uint32_t>(game::data::kTlsIndex));
    std::memcpy(block + game::kTlsContextOffset, &context, sizeof context);
}

/// Fills a block with bytes that depend on a seed and checks them again.
inline void fill(void* block, std::size_t size, std::uint32_t seed) {
    auto* bytes = static_cast<std::uint8_t*>(block);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::uint8_t>(seed * 31 + i * 7);
    }
}
inline bool intact(const void* block, std::size_t size, std::uint32_t seed) {
    const auto* bytes = static_cast<const std::uint8_t*>(block);
    for (std::size_t i = 0; i < size; ++i) {
        if (bytes[i] != static_cast<std::uint8_t>(seed * 31 + i * 7)) {
            return false;
        }
    }
    return true;
}

}  // namespace mp::test
