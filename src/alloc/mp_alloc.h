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

/* A block of at least `size` bytes, MP_MIN_ALIGNMENT aligned; size 0 gives a unique block. NULL when memory is out. */
void* mp_malloc(size_t size);
/* Cleared block of count * size bytes; NULL on overflow or when memory is out. */
void* mp_calloc(size_t count, size_t size);
/* realloc: contents kept up to the smaller size; NULL leaves the old block live. block NULL = mp_malloc. size 0 gives a
 * block. `block` must be ours. */
void* mp_realloc(void* block, size_t size);
/* Block aligned to `alignment`, a power of two of at most 64 KB. Freed with mp_free. */
void* mp_aligned_alloc(size_t alignment, size_t size);
/* Frees a block of ours, from any thread; returns 1. Ignored, with the answer 0: NULL, what is not ours, and a pointer
 * into our memory at which no live block starts (counted). Of the last kind every one is recognised among blocks above
 * 15,872 bytes; among smaller ones every pointer into the inside of a block (unless mp_aligned_alloc has been asked for
 * more than 128 bytes of alignment in that size class) and to memory never handed out, and a second free when no other
 * block of its 64 KB was freed in between, or when all blocks of its 64 KB are free. */
int mp_free(void* block);

enum {
    MP_BLOCK_FOREIGN = 0, /* not ours */
    MP_BLOCK_NONE = 1,    /* ours, but no block starts here */
    MP_BLOCK_FREE = 2,    /* ours, a block that is free */
    MP_BLOCK_LIVE = 3     /* a live block; below 15,872 bytes and made by another thread: perhaps a free one */
};
/* What starts at the address, any value allowed. Cold: walks lists. */
int mp_block_state(const void* address);
/* Bytes usable in a live block of ours; never smaller than asked, stable while live. 0 when the pointer is not ours. */
size_t mp_usable_size(const void* block);
/* Non-zero when `address` lies in a granule of ours that can hold blocks: one load, no fault, any value allowed. */
int mp_owns(const void* address);
/* Non-zero when `address` lies in any granule of ours, free ones included: no other allocator can have it. One load. */
int mp_knows(const void* address);
/* Size class of the small or medium block at `block`, bytes; 0 for large blocks and pointers that are not ours. Two
 * loads; does not check that a block starts there. */
size_t mp_size_class(const void* block);
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
/* Returns retained memory to the system, keeping at most `keep_bytes` committed and free; cold. Bytes given back. */
size_t mp_trim(size_t keep_bytes);

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

/* Call when a thread ends (DLL_THREAD_DETACH): returns its caches, orphans its heap for the next new thread. Harmless
 * on a thread that never allocated. Blocks of the thread stay valid and may be freed by others. */
void mp_thread_end(void);
/* Call once at process detach when no other thread runs any more: nothing is unmapped (live blocks stay readable). */
void mp_process_end(void);

#ifdef __cplusplus
}
#endif
#endif
