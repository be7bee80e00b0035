/* A table about all of the address space, for sides that look blocks up by their addresses. Linux. */
#ifndef MP_BENCH_ADDRESS_TABLE_H
#define MP_BENCH_ADDRESS_TABLE_H

#include <stddef.h>
#include <sys/mman.h>

/* `each` bytes, zero at first, for every 2^shift bytes that a program can have; the system gives pages for those that
 * are touched. NULL when it refuses. */
static inline void* address_table(unsigned shift, size_t each) {
    const unsigned bits = sizeof(void*) == 4 ? 32 : 47;
    void* const table = mmap(NULL, ((size_t)1 << (bits - shift)) * each, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return table != MAP_FAILED ? table : NULL;
}

#endif
