#include "media/media.h"

#include "memory/engine.h"

namespace mp::standin {
namespace {

constexpr std::int32_t kSizeNotSet = static_cast<std::int32_t>(0x8004020E);  // VFW_E_SIZENOTSET
constexpr std::uint32_t kAllocSlot = game::data::kMediaAllocatorAllocSlot - kMediaAllocatorVtable;

/// The allocator's lock, as the library's CAutoLock takes it.
class Locked {
public:
    explicit Locked(game::MediaAllocator& allocator) : lock_(allocator.lock) { sys::enter(lock_); }
    ~Locked() { sys::leave(lock_); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

private:
    game::CriticalSection32& lock_;
};

}  // namespace

game::MediaAllocator* create_media_allocator() {
    auto* a = static_cast<game::MediaAllocator*>(fn::kOperatorNew(sizeof(game::MediaAllocator)));
    std::memset(a, 0, sizeof *a);
    a->head[0] = kMediaAllocatorVtable;
    a->release_callback = 1;
    sys::initialize(a->lock);
    return a;
}

void set_media_properties(game::MediaAllocator& allocator, const MediaProperties& properties) {
    const Locked locked(allocator);
    allocator.count = properties.count;
    allocator.size = properties.size;
    allocator.alignment = properties.alignment;
    allocator.prefix = properties.prefix;
    allocator.changed = 1;
}

std::int32_t commit_media(game::MediaAllocator& allocator) {
    const Locked locked(allocator);
    const auto result = call_virtual<std::int32_t>(&allocator, kAllocSlot);
    if (result >= 0) {
        allocator.committed = 1;
        allocator.decommit_in_progress = 0;
    }
    return result;
}

void destroy_media_allocator(game::MediaAllocator* allocator) {
    fn::kMediaAllocatorDestroy(allocator);
    fn::kOperatorDelete(allocator);
}

}  // namespace mp::standin

using namespace mp::standin;

extern "C" {

/// CBaseAllocator::Alloc: sizes must be set; 1 tells that nothing changed since the last commit.
std::int32_t eng_009FB020(mp::game::MediaAllocator* self) {
    const auto missing = [](std::uint32_t value) { return static_cast<std::int32_t>(value) <= 0; };
    if (missing(self->count) || missing(self->size) || missing(self->alignment)) {
        return kSizeNotSet;
    }
    return self->changed != 0 ? mp::game::kHresultOk : mp::game::kHresultFalse;
}

/// Sample constructor. The name is for debugging and not kept.
mp::game::MediaSample* eng_009FCB50(void* memory, const char* /*name*/, mp::game::MediaAllocator* allocator,
                                    std::int32_t* result, mp::game::Addr buffer, std::uint32_t length) {
    auto* const self = static_cast<mp::game::MediaSample*>(memory);
    std::memset(self, 0, sizeof *self);
    self->vtable = kMediaSampleVtable;
    fields_of(*self) = {0, 0, buffer, length, length, addr_of(allocator)};
    *result = mp::game::kHresultOk;
    return self;
}

/// The sample's deleting destructor: bit 0 of `flags` asks for the memory back as well.
mp::game::MediaSample* eng_009FCBC0(mp::game::MediaSample* self, std::uint32_t flags) {
    if ((flags & 1) != 0) {
        fn::kOperatorDelete(self);
    }
    return self;
}

/// First half of the destructor: no more samples are handed out. ReallyFree follows in the image.
void eng_009FB1C0(mp::game::MediaAllocator* self) {
    const Locked locked(*self);
    self->committed = 0;
    self->decommit_in_progress = 0;
}

/// Second half: the base class.
void eng_009FB20C(mp::game::MediaAllocator* self) {
    sys::destroy(self->lock);
}

}  // extern "C"
