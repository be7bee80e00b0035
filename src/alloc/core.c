/* rpmalloc 1.4.5 as one unit with the paths every allocation takes, so that a thread's heap is read once and nothing
 * is called across files. What is changed in its text, and why, stands in rpmalloc_changes.cmake.
 *
 * BUILD_DYNAMIC_LINK=1 keeps rpmalloc from registering a fiber-local callback on Windows: a thread's heap is returned
 * by mp_thread_end alone. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>
#undef FORCEINLINE /* rpmalloc brings its own, which is not for the system's headers */
#endif

#include "alloc/core.h"
#include "alloc/live_bits.h"
#include "alloc/ownership.h"
#include "alloc/span_layout.h"
#include "os/compiler.h"

/* Three fields are read without order by design: a heap's owner, which is the reader's own thread or any other value;
 * the number of blocks other threads have freed into a span, which is only ever taken as a hint; and a span's flags, of
 * which others look at the mark of moved starts: whoever got a moved start sees the mark, for any other block of the
 * span it makes no difference. Their writers are kept from the thread sanitizer, atomic operations excepted. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
struct heap_t;
struct span_t;
static void set_thread_heap(struct heap_t* heap) MP_UNORDERED;
static void _rpmalloc_heap_orphan(struct heap_t* heap, int first_class) MP_UNORDERED;
static void _rpmalloc_deallocate_defer_small_or_medium(struct span_t* span, void* block) MP_UNORDERED;
static void* _rpmalloc_aligned_allocate(struct heap_t* heap, size_t alignment, size_t size) MP_UNORDERED;
#endif
#endif

/* What follows a block in a free list. The link lies in the block, and somebody may have written behind the end of the
 * one before it: a link that leads out of the span, or to where no block can start, ends the list. What is followed is
 * no proof yet: see hand_out. */
static MP_ALWAYS_INLINE void* mp_next_in_span(void* block) {
    const uintptr_t where = MP_GRANULE_SIZE - MP_LIVE_STEP;
    void* const next = *(void**)block;
    return (((uintptr_t)next ^ (uintptr_t)block) & ~where) == 0 ? next : 0;
}

static int mp_nothing_lives_in(const void* span);

#include <rpmalloc.c>

_Static_assert(sizeof(span_cache_t) == (1 + 16) * sizeof(void*), "the wanted cache size is not in force");
_Static_assert(SMALL_GRANULARITY == MP_MIN_ALIGNMENT && (1 << SMALL_GRANULARITY_SHIFT) == SMALL_GRANULARITY &&
                   SMALL_SIZE_LIMIT == 1024,
               "the wanted size classes are not in force");
_Static_assert(sizeof(span_large_cache_t) == (1 + 34) * sizeof(void*), "the wanted cache size is not in force");
_Static_assert(_memory_default_span_size == MP_GRANULE_SIZE, "one granule is one span");
_Static_assert(MP_CORE_LIMIT <= MEDIUM_SIZE_LIMIT && MP_CORE_LIMIT <= (MP_GRANULE_SIZE - SPAN_HEADER_SIZE) / 4,
               "the largest block served from a span");
_Static_assert(16 * sizeof(heap_t) > MP_GRANULE_SIZE, "mp_core_map tells heaps from spans by their size");
_Static_assert(SPAN_HEADER_SIZE == MP_SPAN_HEADER_SIZE, "the place of a span's first block");
_Static_assert(offsetof(span_t, block_size) == MP_SPAN_BLOCK_SIZE_OFFSET, "the place of a span's block size");

/* --- start and end --- */

/* Owns spans that have not been set up yet: pointers into them are no blocks, and no thread's. */
static heap_t nobody;

/* Spans asked of the arena. Every so often, before memory grows much, the spans that wait for sleeping owners are
 * collected first; not for a heap, whose lock is held. */
static atomic32_t spans_mapped;
enum { kAdoptEvery = 32 };

static void* map_from_arena(size_t size, size_t* offset) {
    *offset = 0;
    const int is_span = size == MP_GRANULE_SIZE;
    if (is_span && atomic_incr32(&spans_mapped) % kAdoptEvery == 0) {
        mp_core_adopt();
    }
    span_t* const span = mp_core_map(size);
    if (span != 0 && is_span) {
        memset(span, 0, sizeof(span_t));
        span->heap = &nobody;
        mp_granule_publish(span, MP_GRANULE_SPAN);
    }
    return span;
}

static void unmap_to_arena(void* address, size_t size, size_t offset, size_t release) {
    (void)offset;
    (void)release;
    mp_core_unmap(address, size);
}

static void ignore_error(const char* message) {
    (void)message;
}

/* Of a size class: what tells whether a block starts at an offset from the span's first one. */
typedef struct mp_block_starts {
    uint32_t reciprocal; /* 2^32 by the block's size, rounded up: exact for offsets below 64 KB */
    uint32_t last;       /* offset of the last block */
} mp_block_starts;
static mp_block_starts starts_of_class[SIZE_CLASS_COUNT];

static void find_block_starts(void) {
    for (size_t i = 0; i < SIZE_CLASS_COUNT; ++i) {
        const uint32_t size = _memory_size_class[i].block_size;
        if (size != 0) {
            starts_of_class[i].reciprocal = UINT32_MAX / size + 1;
            starts_of_class[i].last = (_memory_size_class[i].block_count - 1) * size;
        }
    }
}

void mp_core_initialize(void) {
    rpmalloc_config_t config;
    memset(&config, 0, sizeof(config));
    config.memory_map = map_from_arena;
    config.memory_unmap = unmap_to_arena;
    config.error_callback = ignore_error;
    config.span_map_count = 1;
    rpmalloc_initialize_config(&config);
    find_block_starts();
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
mp_live_pair* mp_live_regions[1 << (32 - MP_LIVE_REGION_SHIFT)];
#endif

/* Steps of 8 bytes up to here, of 16 above. */
enum { kFineLimit = 128 };

/* The number of the small size class for `size`. */
static FORCEINLINE size_t small_class(size_t size) {
    size_t class_idx = (size + SMALL_GRANULARITY - 1) >> SMALL_GRANULARITY_SHIFT;
    if (SMALL_GRANULARITY < 16 && class_idx > kFineLimit / SMALL_GRANULARITY) {
        class_idx = (class_idx + 1) & ~(size_t)1;
    }
    return class_idx;
}

/* For sizes up to MP_CORE_LIMIT. */
static FORCEINLINE void* allocate_from(heap_t* heap, size_t size) {
    return _rpmalloc_allocate(heap, size > kFineLimit ? (size + 15) & ~(size_t)15 : size);
}

static FORCEINLINE span_t* span_of(const void* address) {
    return (span_t*)((uintptr_t)address & _memory_span_mask);
}

/* Whether a block of the class starts there, in a span of the class. */
static FORCEINLINE int is_block_start(const void* address, const mp_block_starts* starts) {
    const uint32_t offset = (uint32_t)((uintptr_t)address & ~_memory_span_mask) - SPAN_HEADER_SIZE;
    return offset * starts->reciprocal < starts->reciprocal && offset <= starts->last;
}

/* What left a free list of the calling thread's heap is no free block, or not plainly one. It may carry the mark of a
 * free by another thread. A block that is live already stands in two lists, since two threads freed it in the same
 * instant: its link belongs to its new owner. Where no block starts led a link that somebody overwrote. What follows in
 * the list is lost in both cases. */
static MP_NOINLINE int hand_out_marked(void* block, const mp_block_starts* starts, mp_live_pair* pair, uint32_t bit) {
    if (!is_block_start(block, starts) || mp_live_take_late(pair, bit) == 0) {
        const span_t* const span = span_of(block);
        span->heap->size_class[span->size_class].free_list = 0;
        return 0;
    }
    mp_live_set(pair, bit);
    return 1;
}

/* Marks the block as live and clears its first word, where the list had its link. False: take another one. */
static FORCEINLINE int hand_out(void* block, const mp_block_starts* starts) {
    mp_live_pair* const pair = mp_live_pair_in(mp_live_pairs_around(block), block);
    const uint32_t bit = mp_live_bit(block);
    if (UNEXPECTED((mp_live_any(pair) & bit) != 0 || !is_block_start(block, starts))) {
        if (!hand_out_marked(block, starts, pair, bit)) {
            return 0;
        }
    } else {
        mp_live_set(pair, bit);
    }
    *(void**)block = 0;
    return 1;
}

void* mp_core_allocate(size_t size) {
    heap_t* const heap = get_thread_heap_raw();
    void* block;
    do {
        block = allocate_from(heap, size);
    } while (block != 0 && UNEXPECTED(!hand_out(block, &starts_of_class[span_of(block)->size_class])));
    return block;
}

static MP_NOINLINE void* refill(size_t size) {
    void* const block = get_thread_heap_raw() != 0 && size <= MP_CORE_LIMIT ? mp_core_allocate(size) : 0;
    return block != 0 ? block : mp_malloc_slow(size);
}

void* mp_malloc(size_t size) {
    heap_t* const heap = get_thread_heap_raw();
    if (EXPECTED(heap != 0 && size <= SMALL_SIZE_LIMIT)) {
        const size_t class_idx = small_class(size);
        void** const list = &heap->size_class[class_idx].free_list;
        if (EXPECTED(*list != 0)) {
            void* const block = free_list_pop(list);
            if (EXPECTED(hand_out(block, &starts_of_class[class_idx]))) {
                return block;
            }
        }
    }
    return refill(size);
}

static FORCEINLINE void free_list_push(void** list, void* block) {
    *(void**)block = *list;
    *list = block;
}

/* Not when `first` is NULL: no block lies in the lowest granule. */
static FORCEINLINE int are_in_one_span(const void* first, const void* block) {
    return ((uintptr_t)first ^ (uintptr_t)block) < MP_GRANULE_SIZE;
}

static FORCEINLINE int is_mine(const span_t* span) {
    return span->heap->owner_thread == get_thread_id();
}

/* Whether a block can join the free ones of the caller's span and change nothing else: the span has free blocks, and
 * keeps a used one. */
static FORCEINLINE int stays_partial(const span_t* span) {
    return span->free_list != 0 && span->used_count > span->list_size + 1;
}

/* The pair that holds the block's bit when a block starts at the address and is live; NULL otherwise. */
static FORCEINLINE mp_live_pair* live_pair_of(const void* address) {
    mp_live_pair* const pairs = mp_live_pairs_around(address);
    if (UNEXPECTED(pairs == 0 || ((uintptr_t)address & (MP_LIVE_STEP - 1)) != 0)) {
        return 0;
    }
    mp_live_pair* const pair = mp_live_pair_in(pairs, address);
    return EXPECTED((mp_live_now(pair) & mp_live_bit(address)) != 0) ? pair : 0;
}

/* For an address of a span; `pairs`: those around it. */
static FORCEINLINE int is_live(mp_live_pair* pairs, const void* address) {
    return (mp_live_now(mp_live_pair_in(pairs, address)) & mp_live_bit(address)) != 0;
}

/* Looks at each block, or at all bits where these are fewer words. */
static int mp_nothing_lives_in(const void* address) {
    const span_t* const span = (const span_t*)address;
    mp_live_pair* const pairs = mp_live_pairs_around(span);
    if (span->block_size > MP_LIVE_STEP * 32) {
        const char* block = (const char*)span + SPAN_HEADER_SIZE;
        for (const char* const end = block + (size_t)span->block_count * span->block_size; block != end;
             block += span->block_size) {
            if (is_live(pairs, block)) {
                return 0;
            }
        }
        return 1;
    }
    const mp_live_pair* const first = mp_live_pair_in(pairs, span);
    for (uint32_t i = 0; i < MP_GRANULE_SIZE >> MP_LIVE_PAIR_SHIFT; ++i) {
        if (mp_live_now(&first[i]) != 0) {
            return 0;
        }
    }
    return 1;
}

static FORCEINLINE int end_life(const span_t* span, const void* block, mp_live_pair* pair) {
    if (EXPECTED(is_mine(span))) {
        mp_live_clear(pair, mp_live_bit(block));
        return 1;
    }
    return mp_live_set_late(pair, mp_live_bit(block));
}

/* A block of the span from which the class allocates goes back to the list it came from: the next allocation finds it
 * in the cache. */
static FORCEINLINE void put_back(span_t* span, void* block) {
    if (EXPECTED(is_mine(span))) {
        void** const active = &span->heap->size_class[span->size_class].free_list;
        if (are_in_one_span(*active, block)) {
            free_list_push(active, block);
            return;
        }
        if (EXPECTED(stays_partial(span))) {
            free_list_push(&span->free_list, block);
            --span->used_count;
            return;
        }
    }
    _rpmalloc_deallocate_small_or_medium(span, block);
}

size_t mp_end_life(void* block) {
    mp_live_pair* const pair = live_pair_of(block);
    if (UNEXPECTED(pair == 0)) {
        return mp_end_life_of_pages(block);
    }
    const span_t* const span = span_of(block);
    return EXPECTED(end_life(span, block, pair)) ? span->block_size : 0;
}

static FORCEINLINE size_t reuse_in_span(void* block) {
    span_t* const span = span_of(block);
    const size_t size = span->block_size;
    put_back(span, block);
    return size;
}

static MP_NOINLINE size_t reuse_at_page(void* block) {
    return mp_granule_kind_at(block) == MP_GRANULE_PAGES ? mp_reuse_pages(block) : reuse_in_span(block);
}

size_t mp_reuse(void* block) {
    return UNEXPECTED(((uintptr_t)block & (MP_PAGE_SIZE - 1)) == 0) ? reuse_at_page(block) : reuse_in_span(block);
}

int mp_free(void* block) {
    mp_live_pair* const pair = live_pair_of(block);
    span_t* const span = span_of(block);
    if (UNEXPECTED(pair == 0 || !end_life(span, block, pair))) {
        return mp_free_slow(block);
    }
    put_back(span, block);
    return 1;
}

size_t mp_core_usable_size(const void* address) {
    return live_pair_of(address) != 0 ? span_of(address)->block_size : 0;
}

size_t mp_core_retired_size(const void* address) {
    const span_t* const span = span_of(address);
    return is_block_start(address, &starts_of_class[span->size_class]) ? span->block_size : 0;
}

int mp_owns(const void* address) {
    return mp_granule_is_live(mp_granule_kind_at(address));
}

int mp_knows(const void* address) {
    return mp_granule_is_ours(mp_granule_kind_at(address));
}

int mp_gave_back(const void* address) {
    return mp_granule_kind_at(address) == MP_GRANULE_RETURNED;
}

/* --- caches --- */

static void lock_heaps(void) {
    while (!atomic_cas32_acquire(&_memory_global_lock, 1, 0)) {
        _rpmalloc_spin();
    }
}

static void unmap_list(span_t* span) {
    while (span) {
        span_t* const next = (span_t*)span->free_list;
        _rpmalloc_span_unmap(span);
        span = next;
    }
}

/* The spans that others have emptied for the heap. Its owner may be running: each span goes to one of the two. The
 * owner's count of full spans is left as it is; nothing reads it before rpmalloc is finalized, which it never is. */
static void take_deferred_spans(heap_t* heap) {
    if (atomic_load_ptr(&heap->span_free_deferred)) {
        unmap_list((span_t*)atomic_exchange_ptr_acquire(&heap->span_free_deferred, 0));
    }
}

/* Whether an address of the span, or 0, is a block of it that is not live. */
static int is_free_block(const span_t* span, const void* address) {
    return address != 0 && is_block_start(address, &starts_of_class[span->size_class]) &&
           !is_live(mp_live_pairs_around(address), address);
}

/* Blocks of a span, by their addresses. */
typedef struct mp_span_blocks {
    uint32_t bits[MP_GRANULE_SIZE / MP_LIVE_STEP / 32];
} mp_span_blocks;

/* False when it stands there already. */
static int note_block(mp_span_blocks* blocks, const void* address) {
    uint32_t* const word = &blocks->bits[((uintptr_t)address & ~_memory_span_mask) / (32 * MP_LIVE_STEP)];
    const uint32_t bit = mp_live_bit(address);
    const int is_new = (*word & bit) == 0;
    *word |= bit;
    return is_new;
}

/* Last block of a list, NULL when it has none; counts the blocks and notes them in `seen`. The list ends before what is
 * no free block or was seen: two threads freed a block in the same instant, or somebody overwrote a link. What would
 * follow is lost. */
static void** list_end(const span_t* span, void* list, mp_span_blocks* seen, uint32_t* count) {
    void* end = 0;
    *count = 0;
    while (is_free_block(span, list) && note_block(seen, list)) {
        end = list;
        list = mp_next_in_span(end);
        ++*count;
    }
    return (void**)end;
}

/* Puts a list in front of the span's own; how many blocks came in that were not there. */
static uint32_t join_list(span_t* span, void* list) {
    mp_span_blocks seen;
    uint32_t count;
    memset(&seen, 0, sizeof(seen));
    list_end(span, span->free_list, &seen, &count);
    void** const end = list_end(span, list, &seen, &count);
    if (end != 0) {
        *end = span->free_list;
        span->free_list = list;
    }
    return count;
}

/* The list of the class's active span goes back into that span. */
static void return_active_list(heap_t* heap, heap_size_class_t* size_class) {
    void* const list = size_class->free_list;
    if (list == 0) {
        return;
    }
    size_class->free_list = 0;
    span_t* const span = span_of(list);
    const int was_full = _rpmalloc_span_is_fully_utilized(span);
    const uint32_t count = join_list(span, list);
    span->used_count -= count;
    if (was_full && count != 0) {
        _rpmalloc_span_double_link_list_add(&size_class->partial_span, span);
        --heap->full_span_count;
    }
}

/* Blocks that other threads have freed join the span's own free ones. */
static void join_deferred_blocks(span_t* span) {
    if (!atomic_load_ptr(&span->free_list_deferred)) {
        return;
    }
    void* list;
    do {
        list = atomic_exchange_ptr_acquire(&span->free_list_deferred, INVALID_POINTER);
    } while (list == INVALID_POINTER);
    span->used_count -= span->list_size;
    span->list_size = 0;
    atomic_store_ptr_release(&span->free_list_deferred, 0);
    join_list(span, list);
}

/* Unmaps the class's spans in which no block is used. */
static void settle_class(heap_t* heap, heap_size_class_t* size_class) {
    return_active_list(heap, size_class);
    for (span_t* span = size_class->partial_span; span != 0;) {
        span_t* const next = span->next;
        join_deferred_blocks(span);
        if (span->used_count == 0 && mp_nothing_lives_in(span)) {
            _rpmalloc_span_double_link_list_remove(&size_class->partial_span, span);
            _rpmalloc_span_unmap(span);
        }
        span = next;
    }
    if (size_class->cache) {
        _rpmalloc_span_unmap(size_class->cache);
        size_class->cache = 0;
    }
}

/* For the calling thread's heap, or one without a thread while the heaps are locked. */
static void flush_heap(heap_t* heap) {
    take_deferred_spans(heap);
    for (size_t class_idx = 0; class_idx < SIZE_CLASS_COUNT; ++class_idx) {
        settle_class(heap, &heap->size_class[class_idx]);
    }
    span_cache_t* const cache = &heap->span_cache;
    while (cache->count) {
        _rpmalloc_span_unmap(cache->span[--cache->count]);
    }
}

static void take_deferred_spans_of_all(void) {
    for (size_t i = 0; i < HEAP_ARRAY_SIZE; ++i) {
        for (heap_t* heap = _memory_heaps[i]; heap; heap = heap->next_heap) {
            take_deferred_spans(heap);
        }
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
    take_deferred_spans_of_all();
    atomic_store32_release(&_memory_global_lock, 0);
    _rpmalloc_global_cache_finalize(&_memory_span_cache[0]);
}

void mp_core_adopt(void) {
    if (atomic_cas32_acquire(&_memory_global_lock, 1, 0)) {
        take_deferred_spans_of_all();
        atomic_store32_release(&_memory_global_lock, 0);
    }
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
