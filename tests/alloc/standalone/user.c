/* A plain C program that links the allocator's archives and nothing else of the project. Prints what it did. */
#include <alloc/mp_alloc.h>
#include <stdio.h>
#include <string.h>

#define COUNT 20000

static void* blocks[COUNT];

int main(void) {
    for (size_t i = 0; i < COUNT; ++i) {
        const size_t size = 1 + i * i % 5000 + (i % 1000 == 0 ? 1000000 : 0);
        blocks[i] = mp_malloc(size);
        if (blocks[i] == NULL || mp_usable_size(blocks[i]) < size || !mp_owns(blocks[i])) {
            return 1;
        }
        memset(blocks[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < COUNT; ++i) {
        const unsigned char* const bytes = blocks[i];
        if (bytes[0] != i % 251 || mp_free(blocks[i]) != 1) {
            return 2;
        }
    }
    mp_trim(0);
    mp_alloc_stats stats;
    mp_stats(&stats);
    printf("blocks %d, peak %lu KB committed, %lu KB now\n", COUNT, (unsigned long)(stats.peak_committed_bytes / 1024),
           (unsigned long)(stats.committed_bytes / 1024));
    /* The heaps and the live bits stay. */
    return stats.failures == 0 && stats.committed_bytes <= (1 << 20) + stats.peak_reserved_bytes / 32 ? 0 : 3;
}
