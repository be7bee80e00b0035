/* calloc and realloc for sides that have none of their own, in terms of the rest of the interface. */
#ifndef MP_BENCH_GENERIC_H
#define MP_BENCH_GENERIC_H

#include "side.h"

#include <string.h>

static inline void* generic_calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void* const block = side_malloc(count * size);
    return block != NULL ? memset(block, 0, count * size) : NULL;
}

static inline void* generic_realloc(void* block, size_t size) {
    const size_t old = block != NULL ? side_usable(block) : 0;
    if (block != NULL && size <= old && size >= old / 2) {
        return block;
    }
    void* const fresh = side_malloc(size);
    if (fresh != NULL && block != NULL) {
        memcpy(fresh, block, old < size ? old : size);
        side_free(block);
    }
    return fresh;
}

#endif
