// Spellings of the calling conventions, for both compilers.
#pragma once

#define AS_CDECL __attribute__((cdecl, noinline, used))
#define AS_STDCALL __attribute__((stdcall, noinline, used))
#define AS_FASTCALL __attribute__((fastcall, noinline, used))
#define KEPT __attribute__((noinline, used))
