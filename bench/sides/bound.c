/* The lower bound for whole sessions: thread-local last-in-first-out lists of size classes, nothing else. The freeing
 * thread keeps the block, nothing is ever given back, nothing coalesces: not an allocator a program could use.
 *
 * Classes: steps of 16 bytes up to 1 KB, then eight to a doubling. The class of a block is found by its 64 KB granule.
 */
#include "address_table.h"
#include "generic.h"

#include <sys/mman.h>

enum {
    kGranule = 65536,
    kFineLimit = 1024,
    kFineClasses = kFineLimit / 16,
    kStepsPerDoubling = 8,
    kClasses = kFineClasses + 1 + 17 * kStepsPerDoubling,
    kShared = kGranule / 2 /* larger blocks have granules of their own */
};

struct link {
    struct link* next;
};

static unsigned char* g_class_of_granule;
static _Thread_local struct link* t_free[kClasses];
static _Thread_local char* t_bump[kClasses];
static _Thread_local char* t_bump_end[kClasses];

static unsigned class_of(size_t size) {
    if (size <= kFineLimit) {
        return (unsigned)((size + 15) / 16);
    }
    const unsigned top = 31 - (unsigned)__builtin_clz((unsigned)(size - 1));
    const unsigned step = (unsigned)((size - 1) >> (top - 3)) & (kStepsPerDoubling - 1);
    return kFineClasses + 1 + (top - 10) * kStepsPerDoubling + step;
}

static size_t size_of(unsigned index) {
    if (index <= kFineClasses) {
        return index == 0 ? 16 : (size_t)index * 16;
    }
    const unsigned coarse = index - kFineClasses - 1;
    const unsigned top = 10 + coarse / kStepsPerDoubling;
    return ((size_t)kStepsPerDoubling + coarse % kStepsPerDoubling + 1) << (top - 3);
}

static char* map_granules(size_t size, unsigned index) {
    const size_t whole = (size + kGranule - 1) & ~(size_t)(kGranule - 1);
    char* const raw =
        mmap(NULL, whole + kGranule, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        return NULL;
    }
    const size_t lead = (size_t)(-(uintptr_t)raw & (kGranule - 1));
    if (lead != 0) {
        munmap(raw, lead);
    }
    if (lead != kGranule) {
        munmap(raw + lead + whole, kGranule - lead);
    }
    for (size_t at = 0; at < whole; at += kGranule) {
        g_class_of_granule[(uintptr_t)(raw + lead + at) / kGranule] = (unsigned char)index;
    }
    return raw + lead;
}

static __attribute__((noinline)) void* bump(unsigned index) {
    const size_t size = size_of(index);
    if (size > kShared) {
        return map_granules(size, index);
    }
    if (t_bump[index] == NULL || (size_t)(t_bump_end[index] - t_bump[index]) < size) {
        char* const granule = map_granules(kGranule, index);
        if (granule == NULL) {
            return NULL;
        }
        t_bump[index] = granule;
        t_bump_end[index] = granule + kGranule;
    }
    char* const block = t_bump[index];
    t_bump[index] = block + size;
    return block;
}

int side_start(void) {
    g_class_of_granule = address_table(16, 1);
    return g_class_of_granule != NULL;
}

size_t side_largest(void) {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    if (size > (size_t)1 << 26) {
        return NULL;
    }
    const unsigned index = class_of(size);
    struct link* const block = t_free[index];
    if (__builtin_expect(block == NULL, 0)) {
        return bump(index);
    }
    t_free[index] = block->next;
    return block;
}

void side_free(void* block) {
    struct link* const link = block;
    struct link** const list = &t_free[g_class_of_granule[(uintptr_t)block / kGranule]];
    link->next = *list;
    *list = link;
}

void* side_calloc(size_t count, size_t size) {
    return generic_calloc(count, size);
}

void* side_realloc(void* block, size_t size) {
    return generic_realloc(block, size);
}

size_t side_usable(void* block) {
    return size_of(g_class_of_granule[(uintptr_t)block / kGranule]);
}

void side_thread_start(void) {}

void side_thread_end(void) {}

void side_trim(void) {}

int side_owns(const void* address) {
    return g_class_of_granule[(uintptr_t)address / kGranule] != 0;
}
