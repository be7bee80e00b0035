/* Our allocator. side_malloc and the like are bound to mp_malloc and the like by the linker. */
#include "alloc/mp_alloc.h"
#include "side.h"

int side_start(void) {
    return 1;
}

size_t side_largest(void) {
    return SIZE_MAX;
}

size_t side_usable(void* block) {
    return mp_usable_size(block);
}

void side_thread_start(void) {}

void side_thread_end(void) {
    mp_thread_end();
}

void side_trim(void) {
    mp_trim(0);
}
