// The bodies of map/bodies.inc, as the image calls them: cdecl, the object first, then the stack arguments in their
// order. A body calls other functions of the engine only through their addresses, so that a hook takes effect, and the
// operating system only through the import slots that the game uses for memory.
#pragma once

#include <cstdarg>
#include <cstdint>

#include "game/layouts.h"
#include "step.h"

namespace mp::standin {

struct IoThread;

/// The singleton's map from thread id to scrap heap (engine contract B.1, B.8).
struct ThreadHeapMap {
    game::Ptr32 vtable;
    std::uint32_t bucket_count;
    game::Ptr32 buckets;  ///< ThreadHeapNode*[bucket_count]
    std::uint32_t count;
};
static_assert(sizeof(ThreadHeapMap) == 0x10);

struct ThreadHeapNode {
    game::Ptr32 next;
    std::uint32_t thread;
    game::Ptr32 heap;
};

/// Links of a free pool block, inside the block (B.3).
struct PoolLink {
    game::Ptr32 previous;  ///< 0 for the head
    game::Ptr32 next;
};

extern "C" {
#define MP_BODY(kind, va, words, name, result, parameters) result eng_##va parameters;
#include "map/bodies.inc"
}

}  // namespace mp::standin
