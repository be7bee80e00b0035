// What compilers spell differently.
#pragma once

/// Keeps a rare path out of the function that takes it.
#if defined(_MSC_VER) && !defined(__clang__)
#define MP_NOINLINE __declspec(noinline)
#else
#define MP_NOINLINE __attribute__((noinline))
#endif
