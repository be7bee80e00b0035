# Third-party libraries as targets (docs/dependencies.md). On Debian the sources come, verified, from .cache/deps, which
# scripts/fetch-deps.sh fills; elsewhere (Visual Studio) find_package looks for them, vcpkg for instance.
#   GTest::gtest GTest::gtest_main GTest::gmock  CLI11::CLI11  nlohmann_json::nlohmann_json  fmt::fmt-header-only
#   inih::inih  MbedTLS::mbedcrypto (SHA-256 only)   and the variables MP_RPMALLOC_DIR (folder with rpmalloc.c and
#   rpmalloc.h 1.4.5) and MP_NODE_MODULES (folder with the npm packages of src/report/page)
include_guard(GLOBAL)
include(Rpmalloc)

set(MP_CACHE_DIR "${PROJECT_SOURCE_DIR}/.cache")
if(DEFINED ENV{MP_CACHE_DIR})
    set(MP_CACHE_DIR "$ENV{MP_CACHE_DIR}")
endif()
set(MP_DEPS_DIR "${MP_CACHE_DIR}/deps")
set(MP_NODE_MODULES "${MP_DEPS_DIR}/npm/node_modules" CACHE PATH "npm packages: npm ci in a copy of src/report/page")
set(MP_RPMALLOC_DIR "" CACHE PATH "Folder with rpmalloc.c and rpmalloc.h 1.4.5; empty: fetched and verified")

# Completes .cache/deps; the script itself checks the pins. With "bench": also what the benchmark compares with.
function(mp_fetch_dependencies)
    find_program(MP_BASH bash)
    if(CMAKE_HOST_UNIX AND MP_BASH AND EXISTS /usr/lib/apt/apt-helper)
        execute_process(COMMAND ${MP_BASH} ${PROJECT_SOURCE_DIR}/scripts/fetch-deps.sh ${ARGN} RESULT_VARIABLE code)
        if(NOT code EQUAL 0)
            message(WARNING "scripts/fetch-deps.sh failed; going on with what is there")
        endif()
    endif()
endfunction()

function(mp_find_rpmalloc)
    if(MP_RPMALLOC_DIR)
        set(candidates "${MP_RPMALLOC_DIR}")
    else()
        set(candidates "${MP_DEPS_DIR}/rpmalloc")
        mp_check_rpmalloc("${candidates}" good)
        if(NOT good)
            mp_download_rpmalloc("${candidates}")
        endif()
    endif()
    mp_check_rpmalloc("${candidates}" good)
    if(NOT good)
        message(FATAL_ERROR "rpmalloc 1.4.5 not found in ${candidates}, or its SHA-256 is not one of those in"
            " cmake/Rpmalloc.cmake")
    endif()
    set(MP_RPMALLOC_DIR "${candidates}" PARENT_SCOPE)
endfunction()

function(mp_header_library alias folder)
    string(REPLACE "::" "_" name ${alias})
    add_library(${name} INTERFACE)
    target_include_directories(${name} SYSTEM INTERFACE ${folder})
    add_library(${alias} ALIAS ${name})
endfunction()

function(mp_build_inih folder)
    add_library(mp_inih STATIC EXCLUDE_FROM_ALL ${folder}/ini.c)
    target_include_directories(mp_inih SYSTEM PUBLIC ${folder})
    target_compile_definitions(mp_inih PUBLIC INI_MAX_LINE=1024 INI_ALLOW_MULTILINE=0
        INI_ALLOW_INLINE_COMMENTS=0 INI_HANDLER_LINENO=1)
    add_library(inih::inih ALIAS mp_inih)
endfunction()

# The decoder alone: no formatter, no encoder, no vector extensions that a program of 2010 cannot have. Of its base library
# the decoder needs headers only.
function(mp_build_zydis folder zycore)
    add_library(mp_zydis STATIC EXCLUDE_FROM_ALL ${folder}/src/Decoder.c ${folder}/src/DecoderData.c
        ${folder}/src/SharedData.c ${folder}/src/Register.c)
    target_include_directories(mp_zydis SYSTEM PUBLIC ${folder}/include ${zycore} PRIVATE ${folder}/src)
    target_compile_definitions(mp_zydis PUBLIC ZYDIS_STATIC_BUILD ZYCORE_STATIC_BUILD ZYAN_NO_LIBC ZYDIS_DISABLE_FORMATTER
        ZYDIS_DISABLE_ENCODER ZYDIS_DISABLE_SEGMENT ZYDIS_DISABLE_AVX512 ZYDIS_DISABLE_KNC)
    add_library(Zydis::Zydis ALIAS mp_zydis)
endfunction()

# Only SHA-256, hence a configuration of our own.
function(mp_build_mbedtls folder)
    set(config ${PROJECT_BINARY_DIR}/mbedtls/mp_mbedtls_config.h)
    file(CONFIGURE OUTPUT ${config} CONTENT "#define MBEDTLS_SHA256_C\n")
    add_library(mp_mbedtls STATIC EXCLUDE_FROM_ALL ${folder}/library/sha256.c ${folder}/library/platform_util.c)
    target_include_directories(mp_mbedtls SYSTEM PUBLIC ${folder}/include ${PROJECT_BINARY_DIR}/mbedtls)
    target_compile_definitions(mp_mbedtls PUBLIC MBEDTLS_CONFIG_FILE=<mp_mbedtls_config.h>)
    add_library(MbedTLS::mbedcrypto ALIAS mp_mbedtls)
endfunction()

function(mp_build_googletest folder)
    set(BUILD_GMOCK ON)
    set(INSTALL_GTEST OFF)
    set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
    set(CMAKE_WARN_DEPRECATED OFF)
    add_subdirectory(${folder} ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
    foreach(name gtest gtest_main gmock gmock_main)
        if(NOT TARGET GTest::${name})
            add_library(GTest::${name} ALIAS ${name})
        endif()
        # Nothing of ours is told about warnings inside these headers.
        get_target_property(folders ${name} INTERFACE_INCLUDE_DIRECTORIES)
        set_target_properties(${name} PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${folders}")
    endforeach()
endfunction()

function(mp_dependencies_from_cache)
    mp_header_library(CLI11::CLI11 ${MP_DEPS_DIR}/cli11)
    mp_header_library(nlohmann_json::nlohmann_json ${MP_DEPS_DIR}/json)
    mp_header_library(fmt::fmt-header-only ${MP_DEPS_DIR}/fmt)
    target_compile_definitions(fmt_fmt-header-only INTERFACE FMT_HEADER_ONLY=1)
    mp_build_inih(${MP_DEPS_DIR}/inih)
    mp_build_mbedtls(${MP_DEPS_DIR}/mbedtls)
    mp_build_zydis(${MP_DEPS_DIR}/zydis ${MP_DEPS_DIR}/zycore)
    if(MP_BUILD_TESTS)
        mp_build_googletest(${MP_DEPS_DIR}/googletest)
    endif()
endfunction()

# A macro: imported targets belong to the calling directory.
macro(mp_dependencies_from_packages)
    find_package(CLI11 CONFIG REQUIRED)
    find_package(nlohmann_json CONFIG REQUIRED)
    find_package(fmt CONFIG REQUIRED)
    find_package(MbedTLS CONFIG REQUIRED)
    find_package(zydis CONFIG REQUIRED)
    # From source: packages leave out the line numbers. FETCHCONTENT_SOURCE_DIR_INIH names a folder that is there already.
    include(FetchContent)
    FetchContent_Declare(inih URL https://github.com/benhoyt/inih/archive/refs/tags/r59.tar.gz
        URL_HASH SHA256=062279922805f5e9a369551a08d5ddb506140fe50774183ffdbb7c22bb97e3f4)
    FetchContent_MakeAvailable(inih)
    mp_build_inih(${inih_SOURCE_DIR})
    if(MP_BUILD_TESTS)
        find_package(GTest CONFIG REQUIRED)
    endif()
endmacro()

mp_fetch_dependencies()
mp_find_rpmalloc()
if(EXISTS ${MP_DEPS_DIR}/googletest/CMakeLists.txt)
    mp_dependencies_from_cache()
else()
    mp_dependencies_from_packages()
endif()
