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
        return engine::operator_new(size);
    case Door::manager:
        return engine::allocate(size);
    case Door::file_buffer: {
        const engine::ContextScope context(engine::kFileContext);
        return engine::allocate(size);
    }
    case Door::malloc_:
        return engine::crt_malloc(size);
    case Door::malloc_crt:
        return engine::crt_malloc_crt(size);
    case Door::calloc_:
        return engine::crt_calloc(1, size);
    case Door::calloc_crt:
        return engine::crt_calloc_crt(1, size);
    }
    return nullptr;
}

void free_through(Door door, void* data) {
    if (is_crt(door)) {
        engine::crt_free(data);
    } else if (door == Door::operator_new) {
        engine::operator_delete(data);
    } else {
        engine::free(data);
    }
}

/// Four ways to resize a CRT block and two for a game block.
bool resize_clears(Door door, std::uint32_t seed) {
    return is_crt(door) && (seed & 2) != 0;
}

void* resize_through(Door door, void* data, std::uint32_t size, std::uint32_t seed) {
    if (!is_crt(door)) {
        return (seed & 1) != 0 ? engine::reallocate(data, size) : engine::reallocate_second(data, size);
    }
    switch (seed & 3) {
    case 0:
        return engine::crt_realloc(data, size);
    case 1:
        return engine::crt_realloc_crt(data, size);
    case 2:
        return engine::crt_recalloc(data, 1, size);
    default:
        return engine::crt_recalloc_crt(data, 1, size);
    }
}

std::uint32_t size_through(Door door, void* data) {
    return is_crt(door) ? engine::crt_size(data) : engine::size_of(data);
}

}  // namespace mp::app
