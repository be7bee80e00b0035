/* A side with a defect, for the tests of the harness: every thousandth block is one that is still in use. */
#include "generic.h"

#include <stdlib.h>

enum { kMostBytes = 1 << 20 };

static void* g_shared;
static unsigned g_calls;

int side_start(void) {
    g_shared = malloc(kMostBytes);
    return g_shared != NULL;
}

size_t side_largest(void) {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    return size <= kMostBytes && ++g_calls % 1000 == 0 ? g_shared : malloc(size);
}

void side_free(void* block) {
    if (block != g_shared) {
        free(block);
    }
}

void* side_calloc(size_t count, size_t size) {
    return generic_calloc(count, size);
}

void* side_realloc(void* block, size_t size) {
    return realloc(block, size);
}

size_t side_usable(void* block) {
    (void)block;
    return kMostBytes;
}

void side_thread_start(void) {}

void side_thread_end(void) {}

void side_trim(void) {}

int side_owns(const void* address) {
    (void)address;
    return -1;
}
