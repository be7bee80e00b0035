// Buffers of the scrap heaps: 8 MB reservations, their commit and decommit, and the cache of free ones.
#include "engine.h"

using mp::game::ScrapHeapManager;
using namespace mp::standin;
namespace game = mp::game;

namespace {

/// The commit that never gives up: every failure runs one stage of the memory-problem handler (A.3, A.5).
void commit_or_handle(void* address, std::uint32_t bytes) {
    std::int32_t stage = 0;
    while (sys::virtual_alloc(address, bytes, sys::kCommit) == nullptr) {
        std::uint8_t allow_system = 1;
        stage = call_this<std::int32_t>(fn::kHandleOutOfMemory, &manager(), static_cast<void*>(nullptr), stage,
                                        &allow_system);
    }
}

/// Takes the cached buffer at `index` out of the cache.
void* take(ScrapHeapManager* self, std::uint32_t index) {
    void* const buffer = at<void>(self->entries[index].buffer);
    call_this<void>(fn::kRemoveEntry, self, index);
    return buffer;
}

std::uint32_t largest_entry(const ScrapHeapManager* self) {
    std::uint32_t largest = 0;
    for (std::uint32_t i = 1; i < self->count; ++i) {
        if (self->entries[i].committed > self->entries[largest].committed) {
            largest = i;
        }
    }
    return largest;
}

/// First fit, else the largest grown to the wanted size, under the manager's lock.
void* take_cached(ScrapHeapManager* self, std::uint32_t* size) {
    for (std::uint32_t i = 0; i < self->count; ++i) {
        if (self->entries[i].committed >= *size) {
            *size = self->entries[i].committed;
            return take(self, i);
        }
    }
    const std::uint32_t largest = largest_entry(self);
    const std::uint32_t committed = self->entries[largest].committed;
    void* const buffer = take(self, largest);
    call_this<void>(fn::kScrapGrow, self, buffer, committed, *size - committed);
    return buffer;
}

void free_last_entry(ScrapHeapManager* self) {
    const ScrapHeapManager::Entry last = self->entries[self->count - 1];
    call_this<void>(fn::kScrapFree, self, at<void>(last.buffer), last.committed);
    call_this<void>(fn::kRemoveEntry, self, self->count - 1);
}

}  // namespace

extern "C" {

// Engine contract A.3.
void eng_00AA5E30(ScrapHeapManager* /*self*/, void* base, std::uint32_t committed, std::uint32_t add) {
    count(engine_counters.scrap_grows);
    commit_or_handle(byte_at(base, committed), add);
}

// Engine contract A.4.
void eng_00AA5E90(ScrapHeapManager* /*self*/, void* base, std::uint32_t committed, std::uint32_t drop) {
    count(engine_counters.scrap_shrinks);
    sys::virtual_free(byte_at(base, committed - drop), drop, sys::kDecommit);
}

// Engine contract A.5. The reservation's size is an operand of the code, which other plugins read and may change; a
// failed reservation is not noticed.
void* eng_00AA5EC0(ScrapHeapManager* /*self*/, std::uint32_t size) {
    count(engine_counters.scrap_buffers_created);
    std::uint32_t reserve = 0;
    std::memcpy(&reserve, at<const void>(game::data::kScrapReserveImmediate), sizeof reserve);
    void* const base = sys::virtual_alloc(nullptr, reserve, sys::kReserve);
    commit_or_handle(base, size);
    return base;
}

// Engine contract A.6.
void eng_00AA5F30(ScrapHeapManager* /*self*/, void* base, std::uint32_t /*committed*/) {
    count(engine_counters.scrap_buffers_freed);
    sys::virtual_free(base, 0, sys::kRelease);
}

// Engine contract B.8: constructor.
ScrapHeapManager* eng_00AA5860(ScrapHeapManager* self) {
    self->count = 0;
    self->total_bytes = 0;
    self->lock = {};
    return self;
}

// Engine contract B.8: lazy singleton.
ScrapHeapManager* eng_00866D10() {
    game::Ptr32& instance = *at<game::Ptr32>(game::data::kScrapHeapManager);
    if (instance == 0) {
        void* const memory = call_this<void*>(fn::kAllocate, &manager(), std::uint32_t{sizeof(ScrapHeapManager)});
        instance = addr_of(call_this<void*>(fn::kScrapManagerConstruct, memory));
    }
    return at<ScrapHeapManager>(instance);
}

// Engine contract B.8: eager creation of the same.
void eng_00AA58D0() {
    call_cdecl<ScrapHeapManager*>(fn::kScrapManager);
}

// Engine contract B.8.
void* eng_00AA59B0(ScrapHeapManager* self, std::uint32_t* size) {
    if (self->count == 0) {
        return call_this<void*>(fn::kScrapCreate, self, *size);
    }
    acquire(self->lock, "ScrapHeapManager::RequestBuffer");
    void* const buffer = self->count == 0 ? call_this<void*>(fn::kScrapCreate, self, *size) : take_cached(self, size);
    release(self->lock);
    return buffer;
}

// Engine contract B.8. The engine's own defect is kept: a full cache frees the buffer and falls through.
void eng_00AA5B70(ScrapHeapManager* self, void* buffer, std::uint32_t size) {
    if (self->count >= ScrapHeapManager::kCapacity) {
        call_this<void>(fn::kFreeBufferUnlocked, self, buffer, size);
    }
    acquire(self->lock, "ScrapHeapManager::ReleaseBuffer");
    if (self->count < ScrapHeapManager::kCapacity) {
        self->entries[self->count++] = {addr_of(buffer), size};
        self->total_bytes += size;
    } else {
        call_this<void>(fn::kScrapFree, self, buffer, size);
    }
    release(self->lock);
}

// Engine contract B.8: stage 1 of the memory-problem handler.
void eng_00AA5C80(ScrapHeapManager* self) {
    if (self->count == 0) {
        return;
    }
    acquire(self->lock, "ScrapHeapManager::FreeAllBuffers");
    while (self->count != 0) {
        free_last_entry(self);
    }
    release(self->lock);
}

// Engine contract B.8: no caller in the game.
std::uint32_t eng_00AA5D40(ScrapHeapManager* self, std::uint32_t bytes) {
    acquire(self->lock, "ScrapHeapManager::FreeBuffers");
    std::uint32_t freed = 0;
    while (self->count != 0 && freed < bytes) {
        freed += self->entries[self->count - 1].committed;
        free_last_entry(self);
    }
    release(self->lock);
    return freed;
}

// Engine contract B.8: the last entry takes the removed one's place.
void eng_00AA5F50(ScrapHeapManager* self, std::uint32_t index) {
    self->total_bytes -= self->entries[index].committed;
    --self->count;
    self->entries[index] = self->entries[self->count];
}

}  // extern "C"
