/* Three tiers, each taking from the one below:
 *
 *   spans     core.c, rpmalloc          blocks up to MP_CORE_LIMIT; a span is one granule, of one size class and one
 *                                       thread's heap
 *   pages     page_blocks.cpp           blocks up to 512 KB: runs of 4 KB pages in granules that they share
 *   granules  arena.cpp, granules.cpp   64 KB each: spans, granules of pages, blocks above 512 KB; reservations of the
 *                                       system's, committed as they are first needed
 *
 * The life of a small block: mp_malloc takes it from its class's free list, or has rpmalloc take a span from the
 * thread's cache, the global cache or the arena (mp_core_map); its live bit is set (live_bits.h). mp_free, or
 * mp_end_life when it shall wait first, clears the bit; put_back, or mp_reuse when it has waited, returns it to its
 * span: by the owner to the list, by another thread to the span's deferred list. A span without a used block goes to
 * the caches, and from there to the arena (mp_core_unmap), whose granules are decommitted when they have been free for
 * long enough.
 *
 * Below: the seam between the C unit that holds rpmalloc (core.c: fast paths, size classes, heaps) and the C++ part
 * (alloc.cpp: start-up, large blocks, everything slow). Private to src/alloc. */
#ifndef MP_ALLOC_CORE_H
#define MP_ALLOC_CORE_H

#include "alloc/mp_alloc.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* Blocks above this many bytes are whole pages or granules; up to it rpmalloc's. It is the largest size of which
     * four fit in a span: the three classes above it would leave a fifth of their spans unused. */
    MP_CORE_LIMIT = 15872,
    MP_PAGE_SIZE = 4096
};

/* --- offered by core.c --- */

/* Whether the calling thread has a heap. Any time. */
int mp_core_thread_started(void);
/* Sets rpmalloc up, once. The calling thread may or may not get a heap. This and the next three: one thread at a time.
 */
void mp_core_initialize(void);
/* Gives the calling thread a heap when it has none; 0 when there is no memory for one. mp_core_initialize first. */
int mp_core_thread_start(void);
void mp_core_thread_end(void);
/* Gives to the arena: the global span cache, every span without a used block of the calling thread and of heaps without
 * a thread, and the spans that were emptied by others than their owners. */
void mp_core_flush(void);
/* The last of these alone, unless another thread is busy with the heaps. Any time, any thread. */
void mp_core_adopt(void);
/* For a thread with a heap and sizes up to MP_CORE_LIMIT; NULL when memory is out. */
void* mp_core_allocate(size_t size);
/* Bytes of the live block in a span that starts at `address`, any value; 0 when none does. */
size_t mp_core_usable_size(const void* address);
/* The same for a granule of kind MP_GRANULE_RETIRED, in which live blocks and free ones are not told apart. */
size_t mp_core_retired_size(const void* address);
/* Afterwards this thread, the last one, gets a fresh heap, and no lock of rpmalloc is taken any more by the dead. */
void mp_core_process_end(void);

/* --- wanted by core.c --- */

/* `size` bytes, a multiple of MP_GRANULE_SIZE, read-write. More than one granule hold heaps; one is a span, with its
 * live bits, which nobody takes for one before its kind says so. The one way from here to the arena. */
void* mp_core_map(size_t size);
void mp_core_unmap(void* address, size_t size);
/* The rest of mp_malloc and mp_free: no heap yet, large, out of memory; not a span. */
void* mp_malloc_slow(size_t size);
int mp_free_slow(void* block);
/* The rest of mp_end_life, for any pointer, and of mp_reuse, for a block of pages. */
size_t mp_end_life_of_pages(void* block);
size_t mp_reuse_pages(void* block);
void mp_count_refused_free(void);

#ifdef __cplusplus
}
#endif
#endif
