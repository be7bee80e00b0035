/* The allocator's core and rpmalloc the way Microsoft's compiler reads them: the system's headers as they are, then
 * under its name. */
#include <windows.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#undef __forceinline
#define _MSC_VER 1940
#undef __clang__
#include "alloc/core.c"
