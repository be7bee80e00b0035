/* rpmalloc 1.4.5 as one unit with the paths every allocation takes, so that a thread's heap is read once and nothing
 * is called across files. rpmalloc's own sources stay as they are.
 *
 * BUILD_DYNAMIC_LINK=1 keeps rpmalloc from registering a fiber-local callback on Windows: a thread's heap is returned
 * by mp_thread_end alone. */

/* Everything rpmalloc includes comes first, because of the one macro below. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#if !defined(_MSC_VER) || defined(__clang__)
#include <stdatomic.h>
#endif
#ifdef _WIN32
#include <windows.h>
#undef FORCEINLINE /* rpmalloc brings its own */
#else
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#endif

#include "alloc/core.h"
#include "alloc/ownership.h"

#if defined(_MSC_VER) && !defined(__clang__)
#define MP_NOINLINE __declspec(noinline)
#else
#define MP_NOINLINE __attribute__((noinline))
#endif

/* rpmalloc fixes the sizes of its caches by plain #define. The values wanted here are pushed, and popped again by the
 * first _Static_assert, which stands between those lines and their first use; checked below. Per thread at most 64
 * spans (4 MB); large runs never enter rpmalloc, so their caches are as small as it permits. */
#define MAX_THREAD_SPAN_CACHE 16
#define THREAD_SPAN_CACHE_TRANSFER 8
#define MAX_THREAD_SPAN_LARGE_CACHE 34
#define THREAD_SPAN_LARGE_CACHE_TRANSFER 2
#pragma push_macro("MAX_THREAD_SPAN_CACHE")
#pragma push_macro("THREAD_SPAN_CACHE_TRANSFER")
#pragma push_macro("MAX_THREAD_SPAN_LARGE_CACHE")
#pragma push_macro("THREAD_SPAN_LARGE_CACHE_TRANSFER")
#undef MAX_THREAD_SPAN_CACHE
#undef THREAD_SPAN_CACHE_TRANSFER
#undef MAX_THREAD_SPAN_LARGE_CACHE
#undef THREAD_SPAN_LARGE_CACHE_TRANSFER
#if defined(_MSC_VER) && !defined(__clang__)
#define MP_POP_CACHE_SIZES                                                                                             \
    __pragma(pop_macro("MAX_THREAD_SPAN_CACHE")) __pragma(pop_macro("THREAD_SPAN_CACHE_TRANSFER"))                     \
        __pragma(pop_macro("MAX_THREAD_SPAN_LARGE_CACHE")) __pragma(pop_macro("THREAD_SPAN_LARGE_CACHE_TRANSFER"))
#define static_assert(...) MP_POP_CACHE_SIZES static_assert(__VA_ARGS__)
#else
#define MP_POP_CACHE_SIZES                                                                                             \
    _Pragma("pop_macro(\"MAX_THREAD_SPAN_CACHE\")") _Pragma("pop_macro(\"THREAD_SPAN_CACHE_TRANSFER\")")               \
        _Pragma("pop_macro(\"MAX_THREAD_SPAN_LARGE_CACHE\")")                                                          \
            _Pragma("pop_macro(\"THREAD_SPAN_LARGE_CACHE_TRANSFER\")")
#define _Static_assert(...) MP_POP_CACHE_SIZES _Static_assert(__VA_ARGS__)
#endif

/* rpmalloc publishes freed spans by relaxed operations and relies on the processor for the rest. The language's own
 * order costs nothing on x86, where every load and every exchange of the hot paths compiles to the same instruction. */
#define memory_order_relaxed memory_order_seq_cst

/* Two fields are read without order by design: a heap's owner, which is the reader's own thread or any other value, and
 * the number of blocks other threads have freed into a span, which is only ever taken as a hint. Their writers are kept
 * from the thread sanitizer, atomic operations excepted. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MP_UNORDERED __attribute__((no_sanitize("thread")))
struct heap_t;
struct span_t;
static void set_thread_heap(struct heap_t* heap) MP_UNORDERED;
static void _rpmalloc_heap_orphan(struct heap_t* heap, int first_class) MP_UNORDERED;
static void _rpmalloc_deallocate_defer_small_or_medium(struct span_t* span, void* block) MP_UNORDERED;
#endif
#endif

#include <rpmalloc.c>

#undef memory_order_relaxed

#if defined(_MSC_VER) && !defined(__clang__)
#undef static_assert
#else
#undef _Static_assert
#endif

_Static_assert(sizeof(span_cache_t) == (1 + 16) * sizeof(void*), "the wanted cache size is not in force");
_Static_assert(sizeof(span_large_cache_t) == (1 + 34) * sizeof(void*), "the wanted cache size is not in force");
_Static_assert(_memory_default_span_size == MP_GRANULE_SIZE, "one granule is one span");
_Static_assert(MP_CORE_LIMIT <= MEDIUM_SIZE_LIMIT && MP_CORE_LIMIT <= (MP_GRANULE_SIZE - SPAN_HEADER_SIZE) / 4,
               "the largest block served from a span");
_Static_assert(16 * sizeof(heap_t) > MP_GRANULE_SIZE, "mp_core_map tells heaps from spans by their size");
_Static_assert(SMALL_GRANULARITY == MP_MIN_ALIGNMENT, "smallest alignment");

/* --- start and end --- */

static void* map_from_arena(size_t size, size_t* offset) {
    *offset = 0;
    return mp_core_map(size);
}

static void unmap_to_arena(void* address, size_t size, size_t offset, size_t release) {
    (void)offset;
    (void)release;
    mp_core_unmap(address, size);
}

static void ignore_error(const char* message) {
    (void)message;
}

void mp_core_initialize(void) {
    rpmalloc_config_t config;
    memset(&config, 0, sizeof(config));
    config.memory_map = map_from_arena;
    config.memory_unmap = unmap_to_arena;
    config.error_callback = ignore_error;
    config.span_map_count = 1;
    rpmalloc_initialize_config(&config);
}

int mp_core_thread_started(void) {
    return get_thread_heap_raw() != 0;
}

int mp_core_thread_start(void) {
    rpmalloc_thread_initialize();
    return mp_core_thread_started();
}

void mp_core_thread_end(void) {
    rpmalloc_thread_finalize(1);
}

/* --- blocks --- */

#if UINTPTR_MAX == 0xFFFFFFFFu
/* Defined here, so that the fast paths name it directly. */
unsigned char mp_granule_kinds[MP_GRANULES_PER_LEAF];
#endif

static MP_NOINLINE void* refill(size_t size) {
    heap_t* const heap = get_thread_heap_raw();
    void* const block = heap != 0 && size <= MP_CORE_LIMIT ? _rpmalloc_allocate(heap, size) : 0;
    return block != 0 ? block : mp_malloc_slow(size);
}

void* mp_malloc(size_t size) {
    heap_t* const heap = get_thread_heap_raw();
    if (EXPECTED(heap != 0 && size <= SMALL_SIZE_LIMIT)) {
        void** const list = &heap->size_class[(size + SMALL_GRANULARITY - 1) >> SMALL_GRANULARITY_SHIFT].free_list;
        if (EXPECTED(*list != 0)) {
            return free_list_pop(list);
        }
    }
    return refill(size);
}

/* Whether freeing one more block of the caller's span neither takes the span off the full ones nor empties it. */
static FORCEINLINE int stays_partial(const span_t* span) {
    return (span->free_list != 0 || span->free_list_limit < span->block_count) &&
           span->used_count - 1 != span->list_size;
}

int mp_free(void* block) {
    if (UNEXPECTED(mp_granule_kind_at(block) != MP_GRANULE_SPAN)) {
        return mp_free_slow(block);
    }
    span_t* const span = (span_t*)((uintptr_t)block & _memory_span_mask);
    if (EXPECTED(span->heap->owner_thread == get_thread_id() && !(span->flags & SPAN_FLAG_ALIGNED_BLOCKS) &&
                 stays_partial(span))) {
        *(void**)block = span->free_list;
        span->free_list = block;
        --span->used_count;
    } else {
        _rpmalloc_deallocate_small_or_medium(span, block);
    }
    return 1;
}

int mp_owns(const void* address) {
    return mp_granule_is_live(mp_granule_kind_at(address));
}

int mp_knows(const void* address) {
    return mp_granule_kind_at(address) != MP_GRANULE_FOREIGN;
}

size_t mp_size_class(const void* block) {
    if (mp_granule_kind_at(block) != MP_GRANULE_SPAN) {
        return 0;
    }
    return ((const span_t*)((uintptr_t)block & _memory_span_mask))->block_size;
}

void* mp_core_allocate(size_t size) {
    return _rpmalloc_allocate(get_thread_heap_raw(), size);
}

/* Mirrors rpmalloc's choice between a rounded size and a longer block in which the start is moved up. */
int mp_core_can_align(size_t alignment, size_t size) {
    return alignment <= MP_GRANULE_SIZE / 16 && size <= MP_CORE_LIMIT - SPAN_HEADER_SIZE - alignment;
}

void* mp_core_allocate_aligned(size_t alignment, size_t size) {
    return _rpmalloc_aligned_allocate(get_thread_heap_raw(), alignment, size);
}

/* The span may be a fresh one without a header yet, or one between two uses: the caller's address can be anything. */
size_t mp_core_usable_size(const void* address) {
    const uintptr_t offset = (uintptr_t)address & ~_memory_span_mask;
    const span_t* const span = (const span_t*)((uintptr_t)address & _memory_span_mask);
    const uint32_t block_size = span->block_size;
    if (offset < SPAN_HEADER_SIZE || (offset & (MP_MIN_ALIGNMENT - 1)) != 0 || block_size == 0) {
        return 0;
    }
    const uint32_t index = (uint32_t)(offset - SPAN_HEADER_SIZE) / block_size;
    const uint32_t within = (uint32_t)(offset - SPAN_HEADER_SIZE) % block_size;
    if (index >= span->block_count || (within != 0 && !(span->flags & SPAN_FLAG_ALIGNED_BLOCKS))) {
        return 0;
    }
    return block_size - within;
}

/* --- caches --- */

static void lock_heaps(void) {
    while (!atomic_cas32_acquire(&_memory_global_lock, 1, 0)) {
        _rpmalloc_spin();
    }
}

static void flush_heap(heap_t* heap) {
    _rpmalloc_heap_cache_adopt_deferred(heap, 0);
    for (size_t class_idx = 0; class_idx < SIZE_CLASS_COUNT; ++class_idx) {
        span_t* const span = heap->size_class[class_idx].cache;
        if (span) {
            heap->size_class[class_idx].cache = 0;
            _rpmalloc_span_unmap(span);
        }
    }
    span_cache_t* const cache = &heap->span_cache;
    while (cache->count) {
        _rpmalloc_span_unmap(cache->span[--cache->count]);
    }
}

void mp_core_flush(void) {
    heap_t* const heap = get_thread_heap_raw();
    if (heap) {
        flush_heap(heap);
    }
    /* Nobody owns the orphans, and nobody can take one while the lock is held. */
    lock_heaps();
    for (heap_t* orphan = _memory_orphan_heaps; orphan; orphan = orphan->next_orphan) {
        flush_heap(orphan);
    }
    atomic_store32_release(&_memory_global_lock, 0);
    _rpmalloc_global_cache_finalize(&_memory_span_cache[0]);
}

/* A thread that died may have held a lock, or left a span half changed: the heaps so far are never used again. */
void mp_core_process_end(void) {
    global_cache_t* const cache = &_memory_span_cache[0];
    if (atomic_load32(&cache->lock)) {
        cache->count = 0;
        cache->overflow = 0;
    }
    atomic_store32_release(&cache->lock, 0);
    _memory_orphan_heaps = 0;
    atomic_store32_release(&_memory_global_lock, 0);
    set_thread_heap(0);
}
