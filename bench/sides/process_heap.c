/* Windows' own heap. */
#include "side.h"

#include <windows.h>

static HANDLE g_heap;

int side_start(void) {
    g_heap = GetProcessHeap();
    return g_heap != NULL;
}

size_t side_largest(void) {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    return HeapAlloc(g_heap, 0, size);
}

void* side_calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return HeapAlloc(g_heap, HEAP_ZERO_MEMORY, count * size);
}

void* side_realloc(void* block, size_t size) {
    return block != NULL ? HeapReAlloc(g_heap, 0, block, size) : HeapAlloc(g_heap, 0, size);
}

void side_free(void* block) {
    HeapFree(g_heap, 0, block);
}

size_t side_usable(void* block) {
    return HeapSize(g_heap, 0, block);
}

void side_thread_start(void) {}

void side_thread_end(void) {}

void side_trim(void) {
    HeapCompact(g_heap, 0);
}

int side_owns(const void* address) {
    (void)address;
    return -1;
}
