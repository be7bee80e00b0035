# Helpers for the project's own targets.
include_guard(GLOBAL)
include(GoogleTest)

# mp_defaults(<target>): C++23, strict warnings as errors, the Windows macros. For every target of ours, never for
# third-party code. An INTERFACE library gets the language level only.
function(mp_defaults target)
    get_target_property(kind ${target} TYPE)
    if(kind STREQUAL "INTERFACE_LIBRARY")
        target_compile_features(${target} INTERFACE cxx_std_23)
        return()
    endif()
    target_compile_features(${target} PRIVATE cxx_std_23)
    if(WIN32)
        target_compile_definitions(${target} PRIVATE WIN32_LEAN_AND_MEAN NOMINMAX _WIN32_WINNT=0x0601)
    endif()
    if(MSVC)
        mp_defaults_msvc(${target})
    else()
        mp_defaults_gnu(${target})
    endif()
endfunction()

function(mp_defaults_msvc target)
    # The C library's bounded functions are used as the standard names them.
    target_compile_definitions(${target} PRIVATE _CRT_SECURE_NO_WARNINGS)
    # Warnings are no errors with a compiler that has not been tried (docs/developing.md). C4324: padding that an
    # alignment asks for.
    target_compile_options(${target} PRIVATE
        /W4 /wd4324 /permissive- /utf-8 /EHsc /arch:SSE2 /Zc:__cplusplus /Zc:preprocessor)
endfunction()

function(mp_defaults_gnu target)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wcast-qual -Wundef -Wformat=2 -Wimplicit-fallthrough
        $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wextra-semi>)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # The game's data live at fixed low addresses: GCC would take every such access for an error.
        target_compile_options(${target} PRIVATE --param=min-pagesize=0)
        if(WIN32)
            # A calling convention on the type of a function is noted, and warned about, by GCC only; and so are casts in
            # macros of Windows' headers.
            target_compile_options(${target} PRIVATE -Wno-attributes $<$<COMPILE_LANGUAGE:CXX>:-Wno-old-style-cast>)
        endif()
    elseif(WIN32)
        target_compile_options(${target} PRIVATE -g -gcodeview)
    endif()
endfunction()

# mp_with_pdb(<target>): a PDB beside the DLL or executable, under the same base name. Nothing with GCC.
function(mp_with_pdb target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /Zi)
        # The file names its PDB without the folder it was built in.
        target_link_options(${target} PRIVATE /DEBUG /INCREMENTAL:NO /OPT:REF /OPT:ICF /PDBALTPATH:%_PDB%)
    elseif(WIN32 AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        set(pdb "$<TARGET_FILE_DIR:${target}>/$<TARGET_FILE_BASE_NAME:${target}>.pdb")
        # As above.
        target_link_options(${target} PRIVATE "-Wl,--pdb=${pdb}" "-Wl,-Xlink=-pdbaltpath:%_PDB%")
    endif()
endfunction()

# mp_link_with_bfd(<target>): links this one target with GNU ld, which places sections at given addresses
# (--section-start), which lld does not.
function(mp_link_with_bfd target)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        target_link_options(${target} PRIVATE "--ld-path=${PROJECT_SOURCE_DIR}/scripts/ld-bfd")
        # GNU ld reads every archive once, in order; these need each other. Not -lmsvcrt: named here, the driver would
        # leave its own out, which comes last.
        target_link_libraries(${target} PRIVATE
            -Wl,--start-group -lstdc++ -lgcc_eh -lpthread -lgcc -lkernel32 -Wl,--end-group)
    endif()
endfunction()

# mp_seconds(<variable> <seconds>): how long a test may take on this machine: ten times as long where 32-bit programs are
# emulated (./test says so in MP_EMULATED).
function(mp_seconds variable seconds)
    if(DEFINED ENV{MP_EMULATED})
        math(EXPR seconds "${seconds} * 10")
    endif()
    set(${variable} ${seconds} PARENT_SCOPE)
endfunction()

# mp_add_test(<name> SOURCES <file>... [LIBS <target>...] [TIMEOUT <seconds, default 120>] [LABEL <label>]
#             [ENVIRONMENT <VAR=value>...] [PROPERTIES <key> <single value>...] [NO_MAIN] [TOGETHER])
# A GoogleTest executable; every test case becomes one ctest test named <name>.<Suite>.<Case>. Cross builds run it under
# Wine. NO_MAIN: the sources bring their own main. TOGETHER: the cases leave nothing behind in their process, so one process
# runs them all, and they are one ctest test named <name> (scripts/count_tests.py counts each).
function(mp_add_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_MAIN;TOGETHER" "TIMEOUT;LABEL" "SOURCES;LIBS;ENVIRONMENT;PROPERTIES")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
        message(FATAL_ERROR "mp_add_test(${name}): SOURCES missing, or unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    mp_seconds(arg_TIMEOUT ${arg_TIMEOUT})
    if(arg_LABEL)
        list(APPEND arg_PROPERTIES LABELS ${arg_LABEL})
    endif()
    add_executable(${name} ${arg_SOURCES})
    mp_defaults(${name})
    mp_compile_quickly(${name})
    target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gmock)
    if(arg_NO_MAIN)
        target_link_libraries(${name} PRIVATE GTest::gtest)
    else()
        target_link_libraries(${name} PRIVATE GTest::gtest_main)
    endif()
    if(WIN32 AND NOT MSVC)
        # The game's address space is the one with 4 GB.
        target_link_options(${name} PRIVATE -Wl,--large-address-aware)
    endif()
    mp_test_environment(${name} ${arg_TIMEOUT} ${arg_ENVIRONMENT})
    mp_register_cases(${name} ${arg_TIMEOUT} "${arg_TOGETHER}" ${arg_PROPERTIES})
endfunction()

# mp_is_plain_native(<variable>): whether this build tests what needs one host alone: programs for Linux without a sanitizer,
# or asan64, which stands for them where 32 bits are emulated.
function(mp_is_plain_native variable)
    set(${variable} FALSE PARENT_SCOPE)
    if(NOT WIN32 AND (NOT MP_SANITIZE OR (DEFINED ENV{MP_EMULATED} AND MP_SANITIZE MATCHES "address" AND NOT MP_BITS)))
        set(${variable} TRUE PARENT_SCOPE)
    endif()
endfunction()

# mp_compile_quickly(<target>): for the sources of a test, of which the compiler has more to do than the processor. What is
# tested is compiled as ever.
function(mp_compile_quickly target)
    if(NOT MSVC AND NOT MP_SANITIZE)
        target_compile_options(${target} PRIVATE -O1 -g0)
    endif()
endfunction()

# mp_register_cases(<name> <seconds> <together> [<property> <single value>...]): the cases of a GoogleTest program for ctest.
function(mp_register_cases name timeout together)
    # ctest waits a little longer than the Wine wrapper, which knows better how to end its program.
    math(EXPR timeout "${timeout} + 15")
    if(together)
        add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
        set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} ${ARGN})
        return()
    endif()
    mp_seconds(discovery 120)
    gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT ${discovery}
        PROPERTIES TIMEOUT ${timeout} ${ARGN})
endfunction()

# mp_sanitizer_options(<variable>): NAME=VALUE for each sanitizer's options, for a program of ours that a test starts.
function(mp_sanitizer_options variable)
    set(leaks 1)
    set(options "")
    if(DEFINED ENV{MP_EMULATED} AND MP_BITS STREQUAL "32")
        set(leaks 0)  # the search for leaks stops the program as a debugger does, which an emulated one does not survive
        if(MP_SANITIZE MATCHES "address")
            # The sanitizer asks the machine's name how far addresses go; the emulator says i686 and maps beyond its 3 GB.
            set(options QEMU_RESERVED_VA=0xc0000000)
        endif()
    endif()
    list(APPEND options
        ASAN_OPTIONS=detect_leaks=${leaks}:strict_string_checks=1:check_initialization_order=1
        UBSAN_OPTIONS=print_stacktrace=1
        TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)
    set(${variable} "${options}" PARENT_SCOPE)
endfunction()

# The environment reaches the program through the emulator property, for discovery as well; lists do not survive
# gtest_discover_tests.
function(mp_test_environment name timeout)
    mp_sanitizer_options(options)
    set_target_properties(${name} PROPERTIES CROSSCOMPILING_EMULATOR
        "${CMAKE_COMMAND};-E;env;${options};MP_WINE_TIMEOUT=${timeout};${ARGN};${CMAKE_CROSSCOMPILING_EMULATOR}")
endfunction()
