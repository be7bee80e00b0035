/* The allocator: rpmalloc for small and medium blocks over a granule arena of our own, large blocks straight from the
 * arena, exact ownership by one byte per 64 KB granule. Knows nothing of the game.
 *
 * Any thread may call any function at any time, threads that existed before the library included; a thread needs no
 * set-up. No function throws, aborts or writes to a block that is live. */
#ifndef MP_ALLOC_H
#define MP_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Smallest alignment of any block, bytes. A block whose size is a multiple of 16 is aligned to 16 on every system, and
 * so is every one of more than 128 bytes. */
#if UINTPTR_MAX == 0xFFFFFFFFu
#define MP_MIN_ALIGNMENT 8
#else
#define MP_MIN_ALIGNMENT 16
#endif

/* A block of at least `size` bytes, MP_MIN_ALIGNMENT aligned; size 0 gives a unique block. NULL when memory is out. Up
 * to 15,872 bytes its first word, of a pointer's size, is zero. */
void* mp_malloc(size_t size);
/* Cleared block of count * size bytes; NULL on overflow or when memory is out. */
void* mp_calloc(size_t count, size_t size);
/* realloc: contents kept up to the smaller size; NULL leaves the old block live. block NULL = mp_malloc. size 0 gives a
 * block. `block` must be ours. */
void* mp_realloc(void* block, size_t size);
/* Resizes a live block where it is; 0 when it would have to move, or to one of less than half its size. */
int mp_resize_in_place(void* block, size_t size);
/* Block aligned to `alignment`, a power of two of at most 64 KB. Freed with mp_free. */
void* mp_aligned_alloc(size_t alignment, size_t size);
/* Frees a block of ours, from any thread; returns 1. Ignored, with the answer 0: NULL, what is not ours, and a pointer
 * into our memory at which no live block starts (counted). Of the last kind every one is recognised, whoever frees it
 * and however late, until the block is handed out again; after that nothing can tell. Two frees of one block in the
 * same instant, by the thread that made it and another one, are not told apart. */
int mp_free(void* block);

/* The two halves of mp_free for blocks of up to 64 KB, for a caller that lets freed blocks wait. The first ends the
 * block's life and returns its size in bytes, 0 when no such block starts there: nothing has happened then. Its
 * bytes stay as they are, and it is refused by mp_free from now on. The second, once for each block that the first has
 * taken, by any thread and at any time, makes it ready to be handed out again. */
size_t mp_end_life(void* block);
size_t mp_reuse(void* block); /* its size, bytes */

/* Bytes usable in the live block of ours that starts here; never smaller than asked, stable while live. 0 when none
 * does, any value allowed. */
size_t mp_usable_size(const void* block);
/* Non-zero when `address` lies in a granule of ours that can hold blocks: one load, no fault, any value allowed. */
int mp_owns(const void* address);
/* Non-zero when `address` lies in any granule of ours, free ones included: no other allocator can have it. One load. */
int mp_knows(const void* address);
/* Non-zero when `address` lies in a granule that was ours and that the system has back: blocks were there once, and it
 * may be anybody's by now. One load. */
int mp_gave_back(const void* address);
/* What the calling thread wants when memory is out; the answer is what it wanted before. Per thread. */
enum {
    MP_ORDINARY = 0, /* everything free goes back to the system, the host's caches too, and then one more attempt */
    MP_ONCE = 1,     /* one attempt, and nothing goes back: for a thread that waits. At most 10 kernel calls */
    MP_RESERVE = 2   /* the same, and what the system refuses comes from the reserve as long as that lasts */
};
int mp_when_refused(int wanted);
/* `give_back` is called, without a lock, when everything free goes back after a refusal: the host's part of it. It must
 * not allocate here. NULL = none. */
typedef void mp_give_back_fn(void); /* NOLINT(modernize-redundant-void-arg): C */
void mp_set_give_back(mp_give_back_fn* give_back);
/* Takes a reserve of 2 MB, committed from then on; again when more than half of it is in use. Until the first call
 * there is none. 0 when the system refuses. Cold. */
int mp_fill_reserve(void);
/* Takes free memory of the caller's own reservation for good: whole granules, of which the first `committed` bytes are
 * committed. Blocks come from there before the system is asked for more; it is decommitted like any other, and never
 * released. Nobody else may use, commit, decommit or release it from now on. 0 when it was not taken. Cold. */
int mp_adopt(void* address, size_t bytes, size_t committed);
/* Returns retained memory to the system, keeping at most `keep_bytes` committed and free; cold. Bytes given back. */
size_t mp_trim(size_t keep_bytes);

/* Returns to the system what has been free for so many milliseconds (at most an hour), but for what is kept for what
 * comes next; the kernel calls are made without a lock. Nothing else, a refusal by the system excepted, takes memory
 * away in which freed blocks of up to 16 MB lay. Bytes given back. For one thread at a time: a background thread, every
 * second or so. */
size_t mp_give_back(uint32_t milliseconds);
/* What tells the time for it, in milliseconds from anywhere, for any thread; NULL: the system's clock. */
typedef uint32_t mp_clock_fn(void); /* NOLINT(modernize-redundant-void-arg): C */
void mp_set_clock(mp_clock_fn* milliseconds);

typedef struct mp_alloc_stats {
    uint64_t reserved_bytes;  /* address space taken from the system now */
    uint64_t committed_bytes; /* committed now */
    uint64_t peak_reserved_bytes;
    uint64_t peak_committed_bytes;
    uint64_t free_bytes;    /* committed and not handed out to rpmalloc or a large block */
    uint64_t reserve_bytes; /* the part of them that is the reserve */
    uint64_t map_calls;     /* kernel calls that mapped or committed */
    uint64_t unmap_calls;   /* kernel calls that decommitted or released */
    uint64_t failures;      /* allocations that returned NULL */
    uint64_t refused_frees; /* pointers into our memory given to mp_free at which no live block starts */
} mp_alloc_stats;
/* A consistent enough picture; cold, takes the arena lock. */
void mp_stats(mp_alloc_stats* out);

enum { MP_CENSUS_STEP = 8, MP_CENSUS_SIZES = 15872 / MP_CENSUS_STEP + 1 };
/* Who lives, at about one moment: other threads go on meanwhile. */
typedef struct mp_census {
    uint64_t bytes;                   /* of all live blocks, those of whole pages rounded up to them */
    uint32_t larger_blocks;           /* of more than 15,872 bytes, or aligned to a page or more */
    uint32_t blocks[MP_CENSUS_SIZES]; /* the others, by their size / MP_CENSUS_STEP */
} mp_census;
/* Counts the live blocks: reads 2 KB of live bits for every 64 KB that hold small blocks, and takes the arena's lock
 * for a moment for each. Cold; any thread. */
void mp_take_census(mp_census* out);

/* Shows `take` each block of up to 15,872 bytes that lives at about this moment, span by span in the order of their
 * addresses, and its size: other threads make, write and free blocks meanwhile, but the memory can be read as long as
 * `take` runs. It runs under the arena's lock: of the allocator it may ask for sizes alone. Cold; any thread. */
typedef void mp_block_fn(void* block, size_t size, void* context);
void mp_each_small_block(mp_block_fn* take, void* context);

/* Call when a thread ends (DLL_THREAD_DETACH): returns its caches, orphans its heap for the next new thread. Harmless
 * on a thread that never allocated. Blocks of the thread stay valid and may be freed by others. The thread may still
 * call everything: it gets no new heap, and each small block that it allocates now takes a page. */
void mp_thread_end(void);
/* Call once at process detach when no other thread runs any more: nothing is unmapped (live blocks stay readable). */
void mp_process_end(void);

#ifdef __cplusplus
}
#endif
#endif
