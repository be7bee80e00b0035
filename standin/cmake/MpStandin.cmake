# Executables over the engine's image.
include_guard(GLOBAL)
include(GoogleTest)

# mp_standin_executable(<name> SOURCES <file>... [LIBS <target>...] [OUTPUT_DIRECTORY <folder>] [NO_LARGE_ADDRESSES])
# An executable that is the engine: image at its true addresses, engine's start-up, all bodies. The sources bring
# standin_win_main (standin/startup/standin_main.h). It stands in a folder of its own, because it loads
# nvse_steam_loader.dll when that lies beside it. NO_LARGE_ADDRESSES: 2 GB instead of 4 GB of address space.
function(mp_standin_executable name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_LARGE_ADDRESSES" "OUTPUT_DIRECTORY" "SOURCES;LIBS")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
        message(FATAL_ERROR "mp_standin_executable(${name}): SOURCES missing, or unknown: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_OUTPUT_DIRECTORY)
        set(arg_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/standin/bin)
    endif()
    get_property(image GLOBAL PROPERTY MP_STANDIN_IMAGE)
    get_property(script GLOBAL PROPERTY MP_STANDIN_LINKER_SCRIPT)
    add_executable(${name} ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/standin/startup/FalloutNV.rc
        $<TARGET_OBJECTS:mp_standin_memory> $<TARGET_OBJECTS:mp_standin_crt> $<TARGET_OBJECTS:mp_standin_media>
        $<TARGET_OBJECTS:mp_standin_startup>)
    mp_defaults(${name})
    add_dependencies(${name} mp_standin_image)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/standin ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${image} ${arg_LIBS} mp_game)
    mp_link_with_bfd(${name})
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY} LINK_DEPENDS "${script};${image}")
    # Fixed base, no relocations, data not executable.
    target_link_options(${name} PRIVATE -Wl,-T,${script} -Wl,-e,_standin_entry -Wl,--image-base=0x400000
        -Wl,--disable-dynamicbase -Wl,--disable-reloc-section -Wl,--nxcompat -Wl,--no-insert-timestamp)
    if(arg_NO_LARGE_ADDRESSES)
        target_link_options(${name} PRIVATE -Wl,--disable-large-address-aware)
    else()
        target_link_options(${name} PRIVATE -Wl,--large-address-aware)
    endif()
endfunction()

# mp_standin_test(<name> SOURCES <file>... [LIBS <target>...] [TIMEOUT <seconds>] [LABEL <label>] [NO_LARGE_ADDRESSES] [TOGETHER])
# The same with GoogleTest as its WinMain, in a folder of its own; TOGETHER as for mp_add_test.
function(mp_standin_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_LARGE_ADDRESSES;TOGETHER" "TIMEOUT;LABEL" "SOURCES;LIBS")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    mp_seconds(arg_TIMEOUT ${arg_TIMEOUT})
    if(NOT arg_LABEL)
        set(arg_LABEL engine)
    endif()
    set(flags)
    if(arg_NO_LARGE_ADDRESSES)
        set(flags NO_LARGE_ADDRESSES)
    endif()
    mp_standin_executable(${name} ${flags} SOURCES ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/standin/startup/gtest_win_main.cpp
        LIBS ${arg_LIBS} GTest::gmock GTest::gtest)
    mp_compile_quickly(${name})
    if(CMAKE_CROSSCOMPILING_EMULATOR)
        # Settings, log and session lie beside the program.
        list(PREPEND CMAKE_CROSSCOMPILING_EMULATOR ${PROJECT_SOURCE_DIR}/scripts/in-own-folder)
    endif()
    mp_test_environment(${name} ${arg_TIMEOUT})
    mp_register_cases(${name} ${arg_TIMEOUT} "${arg_TOGETHER}" LABELS ${arg_LABEL})
endfunction()
