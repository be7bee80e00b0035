/* mimalloc with its own defaults. side_malloc and the like are bound to its functions. */
#include "side.h"

#include <mimalloc.h>

int side_start(void) {
    return 1;
}

size_t side_largest(void) {
    return SIZE_MAX;
}

size_t side_usable(void* block) {
    return mi_usable_size(block);
}

void side_thread_start(void) {
    mi_thread_init();
}

void side_thread_end(void) {
    mi_thread_done();
}

void side_trim(void) {
    mi_collect(true);
}

int side_owns(const void* address) {
    return mi_is_in_heap_region(address);
}
