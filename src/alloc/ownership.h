/* What every 64 KB granule of the address space is: one byte each, exact, because no system hands out address space in
 * smaller pieces. Read without a lock by any thread; written by the arena only. C and C++: the fast path is C. */
#ifndef MP_ALLOC_OWNERSHIP_H
#define MP_ALLOC_OWNERSHIP_H

#include <stddef.h>
#include <stdint.h>

#include "os/compiler.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MP_GRANULE_SHIFT = 16,
    MP_GRANULE_SIZE = 1 << MP_GRANULE_SHIFT,
    MP_GRANULES_PER_LEAF = 1 << 16 /* one leaf describes 4 GB */
};

/* Kinds. The live ones, MP_GRANULE_SPAN to MP_GRANULE_RETIRED, may hold blocks. */
enum {
    MP_GRANULE_FOREIGN = 0,
    MP_GRANULE_SPAN = 1,         /* an rpmalloc span with its header at the start */
    MP_GRANULE_LARGE_HEAD = 2,   /* a large block starts here */
    MP_GRANULE_LARGE_INSIDE = 3, /* a later granule of a large block */
    MP_GRANULE_PAGES = 4,        /* blocks of whole pages, several of them in one granule or across granules */
    MP_GRANULE_RETIRED = 5,      /* a span that process end has frozen: readable, never freed */
    MP_GRANULE_FREE = 6,         /* ours, in a free run */
    MP_GRANULE_BUSY = 7,         /* ours, on its way between free and used */
    MP_GRANULE_INTERNAL = 8,     /* ours, holds rpmalloc's heaps */
    MP_GRANULE_RETURNED = 9      /* was ours, the system has it back: anybody's, as foreign ones */
};

#if UINTPTR_MAX == 0xFFFFFFFFu
extern unsigned char mp_granule_kinds[MP_GRANULES_PER_LEAF];
#else
/* By address bits 32 to 47; NULL where nothing is ours. A leaf starts with its kinds. */
extern unsigned char* mp_granule_leaves[1 << 16];
#endif

#if defined(MP_MICROSOFT)
#define MP_LOAD_RELAXED(place) (*(place))
#define MP_STORE_RELAXED(place, value) (*(place) = (value))
#else
#define MP_LOAD_RELAXED(place) __atomic_load_n((place), __ATOMIC_RELAXED)
#define MP_STORE_RELAXED(place, value) __atomic_store_n((place), (value), __ATOMIC_RELAXED)
#endif

static inline uintptr_t mp_address_value(const void* address) {
#ifdef __cplusplus
    return reinterpret_cast<uintptr_t>(address);
#else
    return (uintptr_t)address;
#endif
}

/* Kind of the granule that holds `address`; any value allowed. */
static inline unsigned char mp_granule_kind_at(const void* address) {
#if UINTPTR_MAX == 0xFFFFFFFFu
    return MP_LOAD_RELAXED(&mp_granule_kinds[mp_address_value(address) >> MP_GRANULE_SHIFT]);
#else
    const uintptr_t value = mp_address_value(address);
    if ((value >> 48) != 0) {
        return MP_GRANULE_FOREIGN;
    }
    unsigned char* const leaf = __atomic_load_n(&mp_granule_leaves[value >> 32], __ATOMIC_ACQUIRE);
    if (!leaf) {
        return MP_GRANULE_FOREIGN;
    }
    return MP_LOAD_RELAXED(&leaf[(value >> MP_GRANULE_SHIFT) & (MP_GRANULES_PER_LEAF - 1)]);
#endif
}

/* Says what a granule of ours is, from now on. By whoever has it between free and used. */
static inline void mp_granule_publish(const void* address, unsigned char kind) {
    const uintptr_t value = mp_address_value(address);
#if UINTPTR_MAX == 0xFFFFFFFFu
    MP_STORE_RELAXED(&mp_granule_kinds[value >> MP_GRANULE_SHIFT], kind);
#else
    unsigned char* const leaf = __atomic_load_n(&mp_granule_leaves[value >> 32], __ATOMIC_ACQUIRE);
    MP_STORE_RELAXED(&leaf[(value >> MP_GRANULE_SHIFT) & (MP_GRANULES_PER_LEAF - 1)], kind);
#endif
}

static inline int mp_granule_is_ours(unsigned char kind) {
    return kind != MP_GRANULE_FOREIGN && kind != MP_GRANULE_RETURNED;
}

static inline int mp_granule_is_live(unsigned char kind) {
    return kind >= MP_GRANULE_SPAN && kind <= MP_GRANULE_RETIRED;
}

#ifdef __cplusplus
}
#endif
#endif
