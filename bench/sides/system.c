/* Whatever answers to malloc: the C library's allocator, or a shared library that takes its place (jemalloc). */
#include "side.h"

#include <malloc.h>
#include <stdlib.h>

#ifdef MP_BENCH_JEMALLOC
extern int mallctl(const char* name, void* old, size_t* old_size, void* fresh, size_t fresh_size);
#endif

int side_start(void) {
    return 1;
}

size_t side_largest(void) {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    return malloc(size);
}

void* side_calloc(size_t count, size_t size) {
    return calloc(count, size);
}

void* side_realloc(void* block, size_t size) {
    return realloc(block, size);
}

void side_free(void* block) {
    free(block);
}

size_t side_usable(void* block) {
    return malloc_usable_size(block);
}

void side_thread_start(void) {}

void side_thread_end(void) {}

void side_trim(void) {
#ifdef MP_BENCH_JEMALLOC
    /* 4096 stands for all arenas. */
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
#else
    malloc_trim(0);
#endif
}

int side_owns(const void* address) {
    (void)address;
    return -1;
}
