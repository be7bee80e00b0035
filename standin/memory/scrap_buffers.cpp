// Buffers of the scrap heaps: 8 MB reservations, their commit and decommit, and the cache of free ones.
#include "engine.h"

using mp::game::ScrapHeapManager;
using namespace mp::standin;
namespace game = mp::game;

namespace {

/// Calls that the bodies ask for. RequestBuffer makes its first, unlocked one, and ReleaseBuffer its first free, in the
/// image's code, before their bodies run.
constexpr std::uint32_t kCreateCall = 1;
constexpr std::uint32_t kGrowCall = 2;
constexpr std::uint32_t kFreeCall = 1;

/// Takes the cached buffer at `index` out of the cache.
void* take(ScrapHeapManager* self, std::uint32_t index) {
    void* const buffer = at<void>(self->entries[index].buffer);
    fn::kRemoveEntry(self, index);
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

/// First fit, else the largest, grown to the wanted size under the manager's lock.
std::uint32_t take_cached(Step* step, ScrapHeapManager* self, std::uint32_t* size) {
    for (std::uint32_t i = 0; i < self->count; ++i) {
        if (self->entries[i].committed >= *size) {
            *size = self->entries[i].committed;
            return step->finish(take(self, i));
        }
    }
    const std::uint32_t largest = largest_entry(self);
    const std::uint32_t committed = self->entries[largest].committed;
    void* const buffer = take(self, largest);
    step->kept[0] = addr_of(buffer);
    return step->call(kGrowCall, self, buffer, committed, *size - committed);
}

std::uint32_t free_last_entry(Step* step, ScrapHeapManager* self) {
    const ScrapHeapManager::Entry last = self->entries[self->count - 1];
    return step->call(kFreeCall, self, last.buffer, last.committed);
}

void remove_last_entry(ScrapHeapManager* self) {
    fn::kRemoveEntry(self, self->count - 1);
}

}  // namespace

extern "C" {

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
        void* const memory = fn::kAllocate(&manager(), sizeof(ScrapHeapManager));
        instance = addr_of(fn::kScrapManagerConstruct(static_cast<ScrapHeapManager*>(memory)));
    }
    return at<ScrapHeapManager>(instance);
}

// Engine contract B.8: eager creation of the same.
void eng_00AA58D0() {
    fn::kScrapManager();
}

// Engine contract B.8, from where something was cached when nobody held the lock.
std::uint32_t eng_00AA59B0(Step* step, ScrapHeapManager* self, std::uint32_t* size) {
    std::uint32_t next = Step::kDone;
    if (step->number == kGrowCall) {
        next = step->finish(step->kept[0]);
    } else if (step->number == 0) {
        acquire(self->lock, "ScrapHeapManager::RequestBuffer");
        next = self->count == 0 ? step->call(kCreateCall, self, *size) : take_cached(step, self, size);
    }
    if (next == Step::kDone) {
        release(self->lock);
    }
    return next;
}

// Engine contract B.8, behind the free of a full cache. The engine's own defect is kept: it falls through.
std::uint32_t eng_00AA5B70(Step* step, ScrapHeapManager* self, game::Addr buffer, std::uint32_t size) {
    if (step->number == 0) {
        acquire(self->lock, "ScrapHeapManager::ReleaseBuffer");
        if (self->count >= ScrapHeapManager::kCapacity) {
            return step->call(kFreeCall, self, buffer, size);
        }
        self->entries[self->count++] = {buffer, size};
        self->total_bytes += size;
    }
    release(self->lock);
    return step->finish();
}

// Engine contract B.8: stage 1 of the memory-problem handler.
std::uint32_t eng_00AA5C80(Step* step, ScrapHeapManager* self) {
    if (step->number == kFreeCall) {
        remove_last_entry(self);
    } else if (self->count == 0) {
        return step->finish();
    } else {
        acquire(self->lock, "ScrapHeapManager::FreeAllBuffers");
    }
    if (self->count != 0) {
        return free_last_entry(step, self);
    }
    release(self->lock);
    return step->finish();
}

// Engine contract B.8: no caller in the game.
std::uint32_t eng_00AA5D40(Step* step, ScrapHeapManager* self, std::uint32_t bytes) {
    std::uint32_t& freed = step->kept[0];
    if (step->number == kFreeCall) {
        freed += self->entries[self->count - 1].committed;
        remove_last_entry(self);
    } else {
        acquire(self->lock, "ScrapHeapManager::FreeBuffers");
        freed = 0;
    }
    if (self->count != 0 && freed < bytes) {
        return free_last_entry(step, self);
    }
    release(self->lock);
    return step->finish(freed);
}

// Engine contract B.8: the last entry takes the removed one's place.
void eng_00AA5F50(ScrapHeapManager* self, std::uint32_t index) {
    self->total_bytes -= self->entries[index].committed;
    --self->count;
    self->entries[index] = self->entries[self->count];
}

}  // extern "C"
