// What compilers spell differently. For C, too.
#pragma once

/// Microsoft's own spellings. clang takes either, so a test can ask for them (tests/msvc).
#if defined(_MSC_VER) && !defined(__clang__) && !defined(MP_MICROSOFT)
#define MP_MICROSOFT
#endif

/// Keeps a rare path out of the function that takes it.
#if defined(MP_MICROSOFT)
#define MP_NOINLINE __declspec(noinline)
#else
#define MP_NOINLINE __attribute__((noinline))
#endif

/// Keeps a hot path in one piece where the compiler would call a part of it. Stands in place of `inline`.
#if defined(MP_MICROSOFT)
#define MP_ALWAYS_INLINE __forceinline
#else
#define MP_ALWAYS_INLINE inline __attribute__((always_inline))
#endif

/// Calling conventions of 32-bit x86; nothing elsewhere. Thiscall is for types of functions that are called, not for
/// functions of ours.
#if !defined(__i386__) && !defined(_M_IX86)
#define MP_THISCALL
#define MP_FASTCALL
#define MP_CDECL
#define MP_STDCALL
#elif defined(MP_MICROSOFT)
#define MP_THISCALL __thiscall
#define MP_FASTCALL __fastcall
#define MP_CDECL __cdecl
#define MP_STDCALL __stdcall
#else
#define MP_THISCALL __attribute__((thiscall))
#define MP_FASTCALL __attribute__((fastcall))
#define MP_CDECL __attribute__((cdecl))
#define MP_STDCALL __attribute__((stdcall))
#endif

/// For a function whose plain reads or writes have no order by design: keeps it from the thread sanitizer.
#define MP_UNORDERED
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef MP_UNORDERED
#define MP_UNORDERED __attribute__((no_sanitize("thread")))
#endif
#endif

/// Where the function that says this returns to. C++ only.
#if defined(MP_MICROSOFT)
#if defined(__cplusplus)
extern "C" void* _ReturnAddress();  // <intrin.h> would bring the whole processor
extern "C" void* _AddressOfReturnAddress();
#pragma intrinsic(_ReturnAddress, _AddressOfReturnAddress)
#endif
#define MP_RETURN_ADDRESS() _ReturnAddress()
#else
#define MP_RETURN_ADDRESS() __builtin_return_address(0)
#endif

/// Frame of the function that says this: the caller's frame pointer, and behind it where it returns to. Microsoft's
/// compiler may leave the first out. C++ only.
#if defined(MP_MICROSOFT)
#define MP_FRAME_ADDRESS() (static_cast<void**>(_AddressOfReturnAddress()) - 1)
#else
#define MP_FRAME_ADDRESS() __builtin_frame_address(0)
#endif

/// Lets the compiler check a printf-style call: positions of the format and of its first argument, counted from 1.
#if defined(__GNUC__)
#define MP_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MP_PRINTF(text, first)
#endif
