/* What every side that is rpmalloc does alike: all but its start and its calls. Behind rpmalloc's own header or source;
 * in one unit of the side. */
#ifndef MP_BENCH_RPMALLOC_THREADS_H
#define MP_BENCH_RPMALLOC_THREADS_H

#include "side.h"

size_t side_largest(void) {
    return SIZE_MAX;
}

size_t side_usable(void* block) {
    return rpmalloc_usable_size(block);
}

void side_thread_start(void) {
    rpmalloc_thread_initialize();
}

void side_thread_end(void) {
    rpmalloc_thread_finalize(1);
}

void side_trim(void) {
    rpmalloc_thread_collect();
}

int side_owns(const void* address) {
    (void)address;
    return -1;
}

#endif
