#include "app/actor_doors.h"

#include "app/engine_calls.h"

namespace mp::app {
namespace {

bool is_crt(Door door) {
    return door >= Door::malloc_;
}

}  // namespace

void* allocate_through(Door door, std::uint32_t size) {
    switch (door) {
    case Door::operator_new:
        return fn::kOperatorNew(size);
    case Door::manager:
        return fn::kAllocate(manager(), size);
    case Door::file_buffer: {
        const ContextScope context(kFileContext);
        return fn::kAllocate(manager(), size);
    }
    case Door::malloc_:
        return fn::kCrtMalloc(size);
    case Door::malloc_crt:
        return fn::kCrtMallocCrt(size);
    case Door::calloc_:
        return fn::kCrtCalloc(1, size);
    case Door::calloc_crt:
        return fn::kCrtCallocCrt(1, size);
    }
    return nullptr;
}

void free_through(Door door, void* data) {
    if (is_crt(door)) {
        fn::kCrtFree(data);
    } else if (door == Door::operator_new) {
        fn::kOperatorDelete(data);
    } else {
        fn::kFree(manager(), data);
    }
}

/// Four ways to resize a CRT block and two for a game block.
bool resize_clears(Door door, std::uint32_t seed) {
    return is_crt(door) && (seed & 2) != 0;
}

void* resize_through(Door door, void* data, std::uint32_t size, std::uint32_t seed) {
    if (!is_crt(door)) {
        return (seed & 1) != 0 ? fn::kReallocate1(manager(), data, size) : fn::kReallocate2(manager(), data, size);
    }
    switch (seed & 3) {
    case 0:
        return fn::kCrtRealloc(data, size);
    case 1:
        return fn::kCrtReallocCrt(data, size);
    case 2:
        return fn::kCrtRecalloc(data, 1, size);
    default:
        return fn::kCrtRecallocCrt(data, 1, size);
    }
}

std::uint32_t size_through(Door door, void* data) {
    return is_crt(door) ? fn::kCrtMsize(data) : fn::kSize(manager(), data);
}

}  // namespace mp::app
