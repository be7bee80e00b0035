/* Stock rpmalloc 1.4.5 with its own defaults. side_malloc and the like are bound to rpmalloc's functions. */
#include <rpmalloc.h>

#include "rpmalloc_threads.h"

int side_start(void) {
    return rpmalloc_initialize() == 0;
}
