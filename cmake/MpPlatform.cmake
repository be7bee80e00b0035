# What holds for every target, third-party code included: word size, sanitizers, and the lld-only parts of the link.
include_guard(GLOBAL)

if(MP_BITS STREQUAL "32" AND NOT WIN32)
    add_compile_options(-m32 -msse2 -mfpmath=sse)
    # The kernel's asm/ headers lie in the 64-bit folder only; last in the search order.
    add_compile_options(-idirafter /usr/include/x86_64-linux-gnu)
    add_link_options(-m32)
endif()

if(MP_SANITIZE)
    add_compile_options(-fsanitize=${MP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
    add_link_options(-fsanitize=${MP_SANITIZE})
endif()

if(NOT WIN32)
    if(NOT DEFINED CMAKE_POSITION_INDEPENDENT_CODE)
        set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    endif()
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_package(Threads REQUIRED)
endif()

# mp_add_if_present(<folder>): add_subdirectory, when the folder has a list file.
function(mp_add_if_present folder)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
        add_subdirectory(${folder})
    endif()
endfunction()
