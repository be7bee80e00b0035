/* What a caller of the allocator may read of a span's header without a call, for hot paths. */
#ifndef MP_ALLOC_SPAN_LAYOUT_H
#define MP_ALLOC_SPAN_LAYOUT_H

#include "alloc/ownership.h"

/* Bytes in front of a span's first block; the others follow without a gap. */
#define MP_SPAN_HEADER_SIZE 128u
/* The first of them hold nothing: whoever writes so far behind the block in front of the span changes nothing. */
#define MP_SPAN_BORDER 32u
/* Where a span's header keeps the size of its blocks; core.c checks it. */
#define MP_SPAN_BLOCK_SIZE_OFFSET (MP_SPAN_BORDER + sizeof(void*) * 2 + 5 * sizeof(uint32_t))

/* Size of the blocks of the span that holds `block`, which is live; 0 when that is not a span. */
static inline uint32_t mp_span_block_size(const void* address) {
    if (mp_granule_kind_at(address) != MP_GRANULE_SPAN) {
        return 0;
    }
    const uintptr_t granule_mask = MP_GRANULE_SIZE - 1;
    const uintptr_t span = mp_address_value(address) & ~granule_mask;
#ifdef __cplusplus
    return *reinterpret_cast<const uint32_t*>(span + MP_SPAN_BLOCK_SIZE_OFFSET);
#else
    return *(const uint32_t*)(span + MP_SPAN_BLOCK_SIZE_OFFSET);
#endif
}

#endif
