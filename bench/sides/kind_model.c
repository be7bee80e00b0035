/* A kind model of the game's allocators, faster than they can have been: a pool for every multiple of 4 bytes up to
 * 1020, which never fills up; one spin lock a pool; a doubly linked list through the free blocks; one page committed at
 * a time, under the lock. Everything larger goes to the system's heap behind one lock. Targets are judged against this
 * one. */
#include "generic.h"

#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { kStep = 4, kLargestPooled = 1020, kPools = kLargestPooled / kStep + 1, kPage = 4096, kBank = 1 << 20 };

struct link {
    struct link* previous;
    struct link* next;
};

struct pool {
    _Alignas(64) atomic_int locked;
    struct link* head;
    char* next_page;
    char* bank_end;
};

static struct pool g_pools[kPools];
static unsigned char g_pool_of_bank[4096];

static void lock(struct pool* pool) {
    while (atomic_exchange_explicit(&pool->locked, 1, memory_order_acquire) != 0) {
        sched_yield();
    }
}

static void unlock(struct pool* pool) {
    atomic_exchange_explicit(&pool->locked, 0, memory_order_release);
}

static void push(struct pool* pool, struct link* block) {
    block->previous = NULL;
    block->next = pool->head;
    if (pool->head != NULL) {
        pool->head->previous = block;
    }
    pool->head = block;
}

static struct link* pop(struct pool* pool) {
    struct link* const block = pool->head;
    pool->head = block->next;
    if (pool->head != NULL) {
        pool->head->previous = NULL;
    }
    return block;
}

static int add_bank(struct pool* pool) {
    char* const raw = mmap(NULL, 2 * kBank, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        return 0;
    }
    const size_t lead = (size_t)(-(uintptr_t)raw & (kBank - 1));
    if (lead != 0) {
        munmap(raw, lead);
    }
    if (lead != kBank) {
        munmap(raw + lead + kBank, kBank - lead);
    }
    pool->next_page = raw + lead;
    pool->bank_end = raw + lead + kBank;
    g_pool_of_bank[(uintptr_t)pool->next_page / kBank] = (unsigned char)(pool - g_pools);
    return 1;
}

static int add_page(struct pool* pool, size_t size) {
    if (pool->next_page == pool->bank_end && !add_bank(pool)) {
        return 0;
    }
    if (mprotect(pool->next_page, kPage, PROT_READ | PROT_WRITE) != 0) {
        return 0;
    }
    for (size_t at = 0; at + size <= kPage; at += size) {
        push(pool, (struct link*)(void*)(pool->next_page + at));
    }
    pool->next_page += kPage;
    return 1;
}

int side_start(void) {
    return mallopt(M_ARENA_MAX, 1);
}

size_t side_largest(void) {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    if (size > kLargestPooled) {
        return malloc(size);
    }
    const size_t rounded =
        size <= sizeof(struct link) ? sizeof(struct link) : (size + kStep - 1) & ~(size_t)(kStep - 1);
    struct pool* const pool = &g_pools[rounded / kStep];
    lock(pool);
    void* const block = pool->head != NULL || add_page(pool, rounded) ? pop(pool) : NULL;
    unlock(pool);
    return block;
}

void side_free(void* block) {
    const unsigned index = g_pool_of_bank[(uintptr_t)block / kBank];
    if (index == 0) {
        free(block);
        return;
    }
    struct pool* const pool = &g_pools[index];
    lock(pool);
    push(pool, block);
    unlock(pool);
}

void* side_calloc(size_t count, size_t size) {
    return generic_calloc(count, size);
}

void* side_realloc(void* block, size_t size) {
    return generic_realloc(block, size);
}

size_t side_usable(void* block) {
    const unsigned index = g_pool_of_bank[(uintptr_t)block / kBank];
    return index != 0 ? index * (size_t)kStep : malloc_usable_size(block);
}

void side_thread_start(void) {}

void side_thread_end(void) {}

void side_trim(void) {}

int side_owns(const void* address) {
    return g_pool_of_bank[(uintptr_t)address / kBank] != 0 ? 1 : -1;
}
