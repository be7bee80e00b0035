// The bodies of map/bodies.inc, as the image calls them: cdecl, the object first, then the stack arguments in their
// order. A body calls other functions of the engine only through their addresses, so that a hook takes effect, and the
// operating system only through the import slots that the game uses for memory.
#pragma once

#include <cstdint>
#include <type_traits>

#include "map/functions.h"
#include "step.h"

namespace mp::standin {

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

/// Type of a body: the function's own, or that of one in steps.
template <Kind, typename Signature>
struct Body {
    using Type = Signature;
};
template <typename Result, typename... Args>
struct Body<Kind::steps, Result(Args...)> {
    using Type = std::uint32_t(Step*, Args...);
};

// A row that has not the address or the convention of its function does not compile.
extern "C" {
#define MP_BODY(kind, address, name, ...)                                                                              \
    static_assert(fn::name.va == 0x##address);                                                                         \
    static_assert(std::is_same_v<decltype(fn::name), const Named<Kind::kind, decltype(fn::name)::Signature>>);         \
    Body<Kind::kind, decltype(fn::name)::Signature>::Type eng_##address;
#include "map/bodies.inc"
}

}  // namespace mp::standin
