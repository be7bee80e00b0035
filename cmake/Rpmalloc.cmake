# rpmalloc 1.4.5: the one place that knows its accepted hashes and its upstream address.
# As a module: mp_check_rpmalloc(<folder> <result variable>) and mp_download_rpmalloc(<folder>).
# As a script: cmake -DMODE=check|download -DFOLDER=<folder> -P Rpmalloc.cmake   (fails when it is not good)
cmake_policy(VERSION 3.25)

set(MP_RPMALLOC_URL "https://raw.githubusercontent.com/mjansson/rpmalloc/1.4.5/rpmalloc")
set(MP_RPMALLOC_C_HASHES
    f9005d0e75ab052063ed8f574661557df56c161dba75277e700f1aee445a222a    # upstream, tag 1.4.5
    c8fcf61748aff54fcc63dbcc7b0a286b48ebab6dc7360304f88a5be5c8f27549)   # Debian's llvm-toolchain-19 19.1.7: reformatted
set(MP_RPMALLOC_H_HASHES
    a126b05ffa9691f1b7f17011ffc93c4985f89485a94395043feb339cbb1938b5)   # Debian's llvm-toolchain-19 19.1.7
# The header in any formatting: SHA-256 of Debian's text without comments and white space.
set(MP_RPMALLOC_H_CODE_HASH 034eb5338f5bc1ff33ff425ab8c363d7836d7b502907f5e020d3b3e7c31ad4e3)

# SHA-256 of a C file's text without comments and white space.
function(mp_code_hash file result)
    file(READ "${file}" text)
    string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
    string(REGEX REPLACE "//[^\r\n]*" "" text "${text}")
    string(REGEX REPLACE "[ \t\r\n]+" "" text "${text}")
    string(SHA256 hash "${text}")
    set(${result} ${hash} PARENT_SCOPE)
endfunction()

function(mp_check_rpmalloc folder result)
    set(${result} FALSE PARENT_SCOPE)
    if(NOT EXISTS "${folder}/rpmalloc.c" OR NOT EXISTS "${folder}/rpmalloc.h")
        return()
    endif()
    file(SHA256 "${folder}/rpmalloc.c" c_hash)
    file(SHA256 "${folder}/rpmalloc.h" h_hash)
    mp_code_hash("${folder}/rpmalloc.h" h_code_hash)
    if(c_hash IN_LIST MP_RPMALLOC_C_HASHES
       AND (h_hash IN_LIST MP_RPMALLOC_H_HASHES OR h_code_hash STREQUAL MP_RPMALLOC_H_CODE_HASH))
        set(${result} TRUE PARENT_SCOPE)
    endif()
endfunction()

# Short time-outs: a machine without a way out must not wait. A partial result is caught by mp_check_rpmalloc.
function(mp_download_rpmalloc folder)
    foreach(name rpmalloc.c rpmalloc.h)
        file(DOWNLOAD "${MP_RPMALLOC_URL}/${name}" "${folder}/${name}"
            TIMEOUT 30 INACTIVITY_TIMEOUT 5 TLS_VERIFY ON STATUS status)
        list(GET status 0 code)
        if(NOT code EQUAL 0)
            file(REMOVE "${folder}/${name}")
            return()
        endif()
    endforeach()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    if(MODE STREQUAL "download")
        mp_download_rpmalloc("${FOLDER}")
    endif()
    mp_check_rpmalloc("${FOLDER}" good)
    if(NOT good)
        message(FATAL_ERROR "${FOLDER} does not hold rpmalloc 1.4.5")
    endif()
endif()
