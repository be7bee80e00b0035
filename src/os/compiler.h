// What compilers spell differently.
#pragma once

/// Keeps a rare path out of the function that takes it.
#if defined(_MSC_VER) && !defined(__clang__)
#define MP_NOINLINE __declspec(noinline)
#else
#define MP_NOINLINE __attribute__((noinline))
#endif

/// Keeps a hot path in one piece where the compiler would call a part of it. Stands in place of `inline`.
#if defined(_MSC_VER) && !defined(__clang__)
#define MP_ALWAYS_INLINE __forceinline
#else
#define MP_ALWAYS_INLINE inline __attribute__((always_inline))
#endif

/// Lets the compiler check a printf-style call: positions of the format and of its first argument, counted from 1.
#if defined(__GNUC__)
#define MP_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MP_PRINTF(text, first)
#endif
