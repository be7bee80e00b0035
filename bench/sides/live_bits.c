/* Stock rpmalloc 1.4.5 that recognises a second free, and nothing else: what is left between this side and ours is what
 * ours does besides. A pair of bits for every 8 bytes of address space, as in src/alloc/live_bits.h: the first is
 * written by the thread that has the block's span, the second, atomically, by others that free the block. */
#include <rpmalloc.c>

#include "address_table.h"
#include "rpmalloc_threads.h"

typedef struct live_pair {
    uint32_t live;
    uint32_t late;
} live_pair;

enum { kPairShift = 8, kStepShift = 3 };

static live_pair* pairs;

static live_pair* pair_of(const void* block) {
    return &pairs[(uintptr_t)block >> kPairShift];
}

static uint32_t bit_of(const void* block) {
    return (uint32_t)1 << (((uintptr_t)block >> kStepShift) & 31);
}

static uint32_t word(const uint32_t* place) {
    return __atomic_load_n(place, __ATOMIC_RELAXED);
}

int side_start(void) {
    pairs = (live_pair*)address_table(kPairShift, sizeof(live_pair));
    return pairs != 0 && rpmalloc_initialize() == 0;
}

static void* lives(void* block) {
    if (EXPECTED(block != 0)) {
        live_pair* const pair = pair_of(block);
        const uint32_t bit = bit_of(block);
        if (UNEXPECTED((word(&pair->late) & bit) != 0)) {
            __atomic_fetch_and(&pair->late, ~bit, __ATOMIC_ACQ_REL);
        }
        __atomic_store_n(&pair->live, word(&pair->live) | bit, __ATOMIC_RELAXED);
    }
    return block;
}

static int dies(const void* block) {
    live_pair* const pair = pair_of(block);
    const uint32_t bit = bit_of(block);
    if (UNEXPECTED((word(&pair->live) & ~word(&pair->late) & bit) == 0)) {
        return 0;
    }
    const span_t* const span = (const span_t*)((uintptr_t)block & _memory_span_mask);
    if (EXPECTED(span->heap->owner_thread == get_thread_id())) {
        __atomic_store_n(&pair->live, word(&pair->live) & ~bit, __ATOMIC_RELAXED);
        return 1;
    }
    return (__atomic_fetch_or(&pair->late, bit, __ATOMIC_ACQ_REL) & bit) == 0;
}

void* side_malloc(size_t size) {
    return lives(rpmalloc(size));
}

void* side_calloc(size_t count, size_t size) {
    return lives(rpcalloc(count, size));
}

void* side_realloc(void* block, size_t size) {
    return block != 0 && !dies(block) ? 0 : lives(rprealloc(block, size));
}

void side_free(void* block) {
    if (block != 0 && EXPECTED(dies(block))) {
        rpfree(block);
    }
}
