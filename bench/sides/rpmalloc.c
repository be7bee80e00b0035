/* Stock rpmalloc 1.4.5 with its own defaults. side_malloc and the like are bound to rpmalloc's functions. */
#include "side.h"

#include <rpmalloc.h>

int side_start(void) {
    return rpmalloc_initialize() == 0;
}

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
