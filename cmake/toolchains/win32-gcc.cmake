# 32-bit Windows with GCC 12 (posix threads variant) and GNU ld: a second opinion on the same sources.
# thread_local works but is slow here (emulated TLS); __declspec(thread) must not be used with this compiler.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(MP_TARGET_TRIPLE i686-w64-mingw32)

# The full names: the plain ones may point to the variant without std::thread.
set(CMAKE_C_COMPILER ${MP_TARGET_TRIPLE}-gcc-posix)
set(CMAKE_CXX_COMPILER ${MP_TARGET_TRIPLE}-g++-posix)
set(CMAKE_RC_COMPILER ${MP_TARGET_TRIPLE}-windres)

set(mp_arch "-msse2 -mfpmath=sse -mstackrealign")
set(CMAKE_C_FLAGS_INIT "${mp_arch}")
set(CMAKE_CXX_FLAGS_INIT "${mp_arch}")
foreach(kind EXE SHARED MODULE)
    set(CMAKE_${kind}_LINKER_FLAGS_INIT "-static")
endforeach()

set(CMAKE_FIND_ROOT_PATH /usr/${MP_TARGET_TRIPLE})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/../../scripts/wine")
