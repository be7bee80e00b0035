// DirectShow sample allocators as the game's movie player makes them (engine contract A.1, A.2). For applications and
// tests of the stand-in. An allocator belongs to one thread at a time, as a pin connection does.
#pragma once

#include <cstdint>

#include "game/layouts.h"

namespace mp::standin {

/// What the pin negotiated.
struct MediaProperties {
    std::uint32_t count;      ///< samples
    std::uint32_t size;       ///< bytes of a sample
    std::uint32_t alignment;  ///< of a sample; 1 = none, need not be a power of two
    std::uint32_t prefix;     ///< bytes in front of each sample
};

/// Fields of a sample behind its link; the object is game::MediaSample.
struct SampleFields {
    std::uint32_t flags;
    std::uint32_t type_flags;
    game::Ptr32 buffer;
    std::uint32_t actual_length;
    std::uint32_t buffer_length;
    game::Ptr32 allocator;
};

/// An allocator without samples and without properties. Comes from the engine's operator new.
game::MediaAllocator* create_media_allocator();

/// IMemAllocator::SetProperties: notes the values; memory changes with the next commit.
void set_media_properties(game::MediaAllocator& allocator, const MediaProperties& properties);

/// Commit of a pin: virtual Alloc through the vtable. Returns its HRESULT.
std::int32_t commit_media(game::MediaAllocator& allocator);

/// Runs the engine's destructor path and frees the object. No sample may be in use.
void destroy_media_allocator(game::MediaAllocator* allocator);

/// The sample's fields between its vtable and its link.
inline SampleFields& fields_of(game::MediaSample& sample) {
    return *reinterpret_cast<SampleFields*>(&sample.pad04[0]);
}

}  // namespace mp::standin
