// Entry points of the static C runtime over the system's heap (engine contract B.9).
#include "crt/crt.h"

#include "memory/engine.h"

namespace mp::standin {

std::uint32_t crt_longest_wait_ms = 1000;

namespace {

constexpr std::uint32_t kZeroMemory = 8;   // HEAP_ZERO_MEMORY
constexpr std::uint32_t kNoSerialize = 1;  // HEAP_NO_SERIALIZE
constexpr std::uint32_t kInitialBytes = 0x1000;
constexpr int kNoMemory = 12;  // ENOMEM
constexpr std::uint32_t kFailedSize = 0xFFFFFFFF;
constexpr game::Addr kRecalloc = game::site(0x00EE1700).va;

std::uint32_t& active_heap() {
    return *at<std::uint32_t>(game::data::kActiveHeap);
}
void*& crt_heap() {
    return *at<void*>(game::data::kCrtHeap);
}
bool small_blocks_active() {
    return active_heap() == kSmallBlocks;
}

void* heap_alloc(std::uint32_t flags, std::uint32_t size) {
    return sys::call_slot<void*>(game::import_slot::kHeapAlloc, crt_heap(), flags, size);
}
void* heap_realloc(void* block, std::uint32_t size) {
    return sys::call_slot<void*>(import_slot_of("HeapReAlloc"), crt_heap(), 0U, block, size);
}
void heap_free(void* block) {
    sys::call_slot<std::int32_t>(game::import_slot::kHeapFree, crt_heap(), 0U, block);
}
std::uint32_t heap_size(const void* block) {
    return sys::call_slot<std::uint32_t>(import_slot_of("HeapSize"), crt_heap(), 0U, block);
}

/// A block of the small-block heap, or nullptr when it does not serve this request.
void* small_alloc(std::uint32_t size) {
    if (!small_blocks_active() || size > small_blocks::kLargest) {
        return nullptr;
    }
    small_blocks::lock();
    void* block = small_blocks::allocate(size);
    small_blocks::unlock();
    return block;
}

/// True when the block was one of the small-block heap and is free now.
bool small_free(void* block) {
    if (!small_blocks_active()) {
        return false;
    }
    small_blocks::lock();
    game::SmallBlockHeader* header = small_blocks::find(block);
    if (header != nullptr) {
        call_cdecl<void>(game::site(0x00EDE263).va, header, block);
    }
    small_blocks::unlock();
    return header != nullptr;
}

/// Usable bytes of a small block; 0 when it is none.
std::uint32_t small_size(const void* block) {
    if (!small_blocks_active()) {
        return 0;
    }
    small_blocks::lock();
    const bool ours = small_blocks::find(block) != nullptr;
    const std::uint32_t size = ours ? small_blocks::size(block) : 0;
    small_blocks::unlock();
    return size;
}

/// Moves a small block, unless it is large enough already.
void* small_realloc(void* block, std::uint32_t old_size, std::uint32_t size) {
    if (size <= old_size) {
        return block;
    }
    void* moved = small_alloc(size);
    moved = moved != nullptr ? moved : heap_alloc(0, size);
    if (moved != nullptr) {
        std::memcpy(moved, block, old_size);
        small_free(block);
    }
    return moved;
}

/// Repeats `attempt` with longer and longer waits.
template <typename Attempt>
void* retry(Attempt attempt) {
    for (std::uint32_t wait = 0; wait <= crt_longest_wait_ms; wait += 1000) {
        sys::sleep(wait);
        if (void* block = attempt()) {
            return block;
        }
    }
    return nullptr;
}

}  // namespace
}  // namespace mp::standin

using namespace mp::standin;

extern "C" {

/// _heap_init: the CRT heap, and the system heap as the active one. `threads` 0 asks for a heap without a lock.
std::int32_t eng_00EDDB6A(std::int32_t threads) {
    crt_heap() =
        sys::call_slot<void*>(import_slot_of("HeapCreate"), threads != 0 ? 0U : kNoSerialize, kInitialBytes, 0U);
    if (crt_heap() == nullptr) {
        return 0;
    }
    small_blocks::build_lock();
    active_heap() = kSystemHeap;
    return 1;
}

/// malloc. Before _heap_init there is no heap and nothing is handed out.
void* eng_00ECD1C7(std::uint32_t size) {
    if (size > kLargestRequest || crt_heap() == nullptr) {
        return nullptr;
    }
    if (void* block = small_alloc(size)) {
        return block;
    }
    return heap_alloc(0, size != 0 ? size : 1);
}

void eng_00ECD291(void* block) {
    if (block != nullptr && !small_free(block)) {
        heap_free(block);
    }
}

void* eng_00ECCF5D(void* block, std::uint32_t size) {
    if (block == nullptr) {
        return call_cdecl<void*>(fn::kCrtMalloc, size);
    }
    if (size == 0) {
        call_cdecl<void>(fn::kCrtFree, block);
        return nullptr;
    }
    if (size > kLargestRequest) {
        return nullptr;
    }
    if (const std::uint32_t old_size = small_size(block); old_size != 0) {
        return small_realloc(block, old_size, size);
    }
    return heap_realloc(block, size);
}

std::uint32_t eng_00ECD31F(void* block) {
    if (block == nullptr) {
        return kFailedSize;
    }
    if (const std::uint32_t size = small_size(block); size != 0) {
        return size;
    }
    return heap_size(block);
}

/// _calloc_impl
void* eng_00EE15E2(std::uint32_t count, std::uint32_t size, std::int32_t* error) {
    const bool fits = count == 0 || size <= kLargestRequest / count;
    if (!fits || crt_heap() == nullptr) {
        if (error != nullptr) {
            *error = kNoMemory;
        }
        return nullptr;
    }
    const std::uint32_t bytes = count * size != 0 ? count * size : 1;
    if (void* block = small_alloc(bytes)) {
        return std::memset(block, 0, bytes);
    }
    return heap_alloc(kZeroMemory, bytes);
}

/// _recalloc, behind the check of the product in the known bytes.
void* eng_00EE1700(void* block, std::uint32_t count, std::uint32_t size) {
    const std::uint32_t bytes = count * size;
    const std::uint32_t old_bytes = block != nullptr ? call_cdecl<std::uint32_t>(fn::kCrtSize, block) : 0;
    void* moved = call_cdecl<void*>(fn::kCrtRealloc, block, bytes);
    if (moved != nullptr && old_bytes < bytes) {
        std::memset(byte_at(moved, old_bytes), 0, bytes - old_bytes);
    }
    return moved;
}

// The _crt variants: the known bytes have made the first attempt, and it failed.

void* eng_00ED0CDF(std::uint32_t size) {
    return retry([=] { return call_cdecl<void*>(fn::kCrtMalloc, size); });
}

void* eng_00ED0D24(std::uint32_t count, std::uint32_t size) {
    return retry([=] { return call_cdecl<void*>(kCallocImpl, count, size, static_cast<std::int32_t*>(nullptr)); });
}

void* eng_00ED0D70(void* block, std::uint32_t size) {
    return size == 0 ? nullptr : retry([=] { return call_cdecl<void*>(fn::kCrtRealloc, block, size); });
}

void* eng_00ED0DBE(void* block, std::uint32_t count, std::uint32_t size) {
    const bool wanted = count != 0 && size != 0;
    return !wanted ? nullptr : retry([=] { return call_cdecl<void*>(kRecalloc, block, count, size); });
}

}  // extern "C"
