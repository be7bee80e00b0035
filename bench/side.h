/* One allocator under measurement. Every benchmark program is linked with exactly one implementation of these
 * functions; sides that are static libraries have theirs bound straight to the library's functions by the linker
 * (CMakeLists.txt), so that no call of ours stands in between.
 *
 * All functions may be called by any thread that has called side_thread_start. */
#ifndef MP_BENCH_SIDE_H
#define MP_BENCH_SIDE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Once, on the main thread, before anything else: non-zero when the side can serve (a model may need more address
 * space than there is). */
int side_start(void);
/* Largest block the side serves, bytes: SIZE_MAX for all but bounds that know one size. */
size_t side_largest(void);

void* side_malloc(size_t size);
void* side_calloc(size_t count, size_t size);
void* side_realloc(void* block, size_t size);
void side_free(void* block);
/* Bytes usable in a live block, never less than asked. */
size_t side_usable(void* block);

void side_thread_start(void);
void side_thread_end(void);

/* Gives back what can be given back, as a program would ask at a loading screen; nothing where there is no such call.
 */
void side_trim(void);
/* Non-zero when the block is the side's own; -1 when the side cannot tell. */
int side_owns(const void* address);

#ifdef __cplusplus
}
#endif
#endif
