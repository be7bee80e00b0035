/* Which small blocks are live, told outside the blocks: two bits for every 8 bytes at which a block can start, in 64 KB
 * for each 2 MB of address space that has held a span. They stay when the spans go, so any pointer, stale ones too, can
 * be asked about at any time without a fault.
 *
 * A block is live while its first bit is set and its second one is not. The first is the span's owner's: written
 * without an atomic read-modify-write by the thread whose heap has the span. The second says that another thread has
 * freed the block, and is set atomically; the owner takes it away when it hands the block out again. Both stand in one
 * pair of words. C: the fast path is. */
#ifndef MP_ALLOC_LIVE_BITS_H
#define MP_ALLOC_LIVE_BITS_H

#include "alloc/ownership.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MP_LIVE_STEP = 8,         /* bytes; no two blocks start closer */
    MP_LIVE_PAIR_SHIFT = 8,   /* a pair describes 256 bytes */
    MP_LIVE_REGION_SHIFT = 21 /* one granule of pairs describes 2 MB */
};

typedef struct mp_live_pair {
    uint32_t live;
    uint32_t late;
} mp_live_pair;

#if UINTPTR_MAX == 0xFFFFFFFFu
/* By address; NULL where no span has ever been. */
extern mp_live_pair* mp_live_regions[1 << (32 - MP_LIVE_REGION_SHIFT)];
#endif

/* The place of the region's pairs; NULL where nothing of ours has ever been. */
static inline mp_live_pair** mp_live_region(uintptr_t address) {
#if UINTPTR_MAX == 0xFFFFFFFFu
    return &mp_live_regions[address >> MP_LIVE_REGION_SHIFT];
#else
    if ((address >> 48) != 0) {
        return NULL;
    }
    unsigned char* const leaf = __atomic_load_n(&mp_granule_leaves[address >> 32], __ATOMIC_ACQUIRE);
    if (leaf == NULL) {
        return NULL;
    }
#ifdef __cplusplus
    auto** const regions = reinterpret_cast<mp_live_pair**>(leaf + MP_GRANULES_PER_LEAF);
#else
    mp_live_pair** const regions = (mp_live_pair**)(void*)(leaf + MP_GRANULES_PER_LEAF);
#endif
    return &regions[(address & 0xFFFFFFFFu) >> MP_LIVE_REGION_SHIFT];
#endif
}

/* For C alone, behind <windows.h> where that is. */
#ifndef __cplusplus
/* The pairs of the region that holds `address`, any value; NULL where no span has ever been. */
static inline mp_live_pair* mp_live_pairs_around(const void* address) {
    const uintptr_t value = mp_address_value(address);
    mp_live_pair** const place = mp_live_region(value);
#if UINTPTR_MAX != 0xFFFFFFFFu
    if (place == NULL) {
        return NULL;
    }
#endif
#if defined(MP_MICROSOFT)
    return *(mp_live_pair* volatile*)place;
#else
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
#endif
}

/* The pair of its region that tells about `address`. */
static inline mp_live_pair* mp_live_pair_in(mp_live_pair* pairs, const void* address) {
    const uintptr_t mask = ((uintptr_t)1 << (MP_LIVE_REGION_SHIFT - MP_LIVE_PAIR_SHIFT)) - 1;
    return pairs + ((mp_address_value(address) >> MP_LIVE_PAIR_SHIFT) & mask);
}

static inline uint32_t mp_live_bit(const void* address) {
    return UINT32_C(1) << ((mp_address_value(address) / MP_LIVE_STEP) % 32);
}

/* Bits of the blocks that are live. */
static inline uint32_t mp_live_now(const mp_live_pair* pair) {
    return MP_LOAD_RELAXED(&pair->live) & ~MP_LOAD_RELAXED(&pair->late);
}

/* Bits that are set in either word. */
static inline uint32_t mp_live_any(const mp_live_pair* pair) {
    return MP_LOAD_RELAXED(&pair->live) | MP_LOAD_RELAXED(&pair->late);
}

/* The first word is the span's owner's to write. */
static inline void mp_live_store(mp_live_pair* pair, uint32_t bits) {
#if defined(MP_MICROSOFT)
    pair->live = bits;
#else
    __atomic_store_n(&pair->live, bits, __ATOMIC_RELAXED);
#endif
}
static inline void mp_live_set(mp_live_pair* pair, uint32_t bit) {
    mp_live_store(pair, MP_LOAD_RELAXED(&pair->live) | bit);
}
static inline void mp_live_clear(mp_live_pair* pair, uint32_t bit) {
    mp_live_store(pair, MP_LOAD_RELAXED(&pair->live) & ~bit);
}

/* Any thread: 1 for the one that sets the bit, 0 when it was set. */
static inline int mp_live_set_late(mp_live_pair* pair, uint32_t bit) {
#if defined(MP_MICROSOFT)
    return ((uint32_t)InterlockedOr((LONG volatile*)&pair->late, (LONG)bit) & bit) == 0;
#else
    return (__atomic_fetch_or(&pair->late, bit, __ATOMIC_ACQ_REL) & bit) == 0;
#endif
}
/* Takes the bit away; 0 when it was not set. */
static inline int mp_live_take_late(mp_live_pair* pair, uint32_t bit) {
#if defined(MP_MICROSOFT)
    return ((uint32_t)InterlockedAnd((LONG volatile*)&pair->late, (LONG)~bit) & bit) != 0;
#else
    return (__atomic_fetch_and(&pair->late, ~bit, __ATOMIC_ACQ_REL) & bit) != 0;
#endif
}

#endif

#ifdef __cplusplus
}

namespace mp {

/// Gives each region's pairs to `visit`; any thread. Regions that come meanwhile may be left out.
template <typename Visit>
void each_live_region(Visit visit) noexcept {
    constexpr uintptr_t kTops = uintptr_t{1} << (sizeof(void*) == 4 ? 0 : 16);
    constexpr uintptr_t kRegions = uintptr_t{1} << (32 - MP_LIVE_REGION_SHIFT);
    for (uintptr_t top = 0; top < kTops; ++top) {
        mp_live_pair** const regions = mp_live_region(top * kRegions << MP_LIVE_REGION_SHIFT);
        for (uintptr_t i = 0; regions != nullptr && i < kRegions; ++i) {
            if (regions[i] != nullptr) {
                visit(regions[i]);
            }
        }
    }
}

}  // namespace mp
#endif
#endif
