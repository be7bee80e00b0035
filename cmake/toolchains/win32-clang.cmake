# 32-bit Windows with clang 19 and lld 19 on the mingw-w64 posix sysroot of Debian 12.
# Native thread-local storage (GCC's emulated one costs several times as much), static C++ runtime: what is linked here
# imports from KERNEL32 and msvcrt only.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(MP_TARGET_TRIPLE i686-w64-mingw32)

# Given once on the command line or in the environment when the compiler sits elsewhere.
if(NOT DEFINED MP_MINGW_GCC_DIR)
    set(MP_MINGW_GCC_DIR /usr/lib/gcc/${MP_TARGET_TRIPLE}/12-posix)
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MP_MINGW_GCC_DIR)

set(CMAKE_C_COMPILER clang-19)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_C_COMPILER_TARGET ${MP_TARGET_TRIPLE})
set(CMAKE_CXX_COMPILER_TARGET ${MP_TARGET_TRIPLE})
set(CMAKE_RC_COMPILER ${MP_TARGET_TRIPLE}-windres)
set(CMAKE_AR ${MP_TARGET_TRIPLE}-ar CACHE FILEPATH "archiver")
set(CMAKE_RANLIB ${MP_TARGET_TRIPLE}-ranlib CACHE FILEPATH "archive indexer")

# Threads of the game enter with a stack aligned to 4 bytes only, hence the realignment in every function that needs more.
set(mp_arch "-msse2 -mfpmath=sse -mstackrealign")
# The driver may find more than one GCC installation; these put the one with std::thread first.
set(mp_cxx_headers "-nostdinc++ -isystem ${MP_MINGW_GCC_DIR}/include/c++")
string(APPEND mp_cxx_headers " -isystem ${MP_MINGW_GCC_DIR}/include/c++/${MP_TARGET_TRIPLE}")
string(APPEND mp_cxx_headers " -isystem ${MP_MINGW_GCC_DIR}/include/c++/backward")
set(CMAKE_C_FLAGS_INIT "${mp_arch}")
set(CMAKE_CXX_FLAGS_INIT "${mp_arch} ${mp_cxx_headers}")

set(mp_link "-static -fuse-ld=lld -L${MP_MINGW_GCC_DIR} -L/usr/${MP_TARGET_TRIPLE}/lib")
foreach(kind EXE SHARED MODULE)
    set(CMAKE_${kind}_LINKER_FLAGS_INIT "${mp_link}")
endforeach()
# libgcc_eh and libpthread need each other. As cache entries: the platform's own default would win over *_INIT.
foreach(lang C CXX)
    set(CMAKE_${lang}_STANDARD_LIBRARIES "-lgcc_eh -lpthread -lgcc_eh -lpthread -lkernel32" CACHE STRING "libraries for all")
endforeach()

set(CMAKE_FIND_ROOT_PATH /usr/${MP_TARGET_TRIPLE})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/../../scripts/wine")
