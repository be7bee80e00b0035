# rpmalloc 1.4.5: the one place that knows its accepted hashes and its upstream address, and how it is changed.
# As a module: mp_check_rpmalloc(<folder> <result variable>), mp_download_rpmalloc(<folder>) and
# mp_configure_rpmalloc(<folder> <changes> <result folder>).
# As a script: cmake -DMODE=check|download -DFOLDER=<folder> -P Rpmalloc.cmake   (fails when it is not good)
cmake_policy(VERSION 3.25)

set(MP_RPMALLOC_URL "https://raw.githubusercontent.com/mjansson/rpmalloc/1.4.5/rpmalloc")
set(MP_RPMALLOC_C_HASHES
    f9005d0e75ab052063ed8f574661557df56c161dba75277e700f1aee445a222a    # upstream, tag 1.4.5
    c8fcf61748aff54fcc63dbcc7b0a286b48ebab6dc7360304f88a5be5c8f27549)   # Debian's llvm-toolchain-19 19.1.7: reformatted
set(MP_RPMALLOC_H_HASHES
    a45bfebb3122146c23b564f510d8605d32e201789e4668ea1a054da1b36f8ab1    # upstream, tag 1.4.5
    a126b05ffa9691f1b7f17011ffc93c4985f89485a94395043feb339cbb1938b5)   # Debian's llvm-toolchain-19 19.1.7
# rpmalloc.c after the changes of src/alloc/rpmalloc_changes.cmake, in the order of the accepted texts.
set(MP_RPMALLOC_CHANGED_HASHES
    "not recorded"                                                       # upstream: its text was never at hand
    f50267b532277586924d3d13d9e83a35619fead511981c9850eb8f196a13bfb7)   # Debian's

function(mp_check_rpmalloc folder result)
    set(${result} FALSE PARENT_SCOPE)
    if(NOT EXISTS "${folder}/rpmalloc.c" OR NOT EXISTS "${folder}/rpmalloc.h")
        return()
    endif()
    file(SHA256 "${folder}/rpmalloc.c" c_hash)
    file(SHA256 "${folder}/rpmalloc.h" h_hash)
    if(c_hash IN_LIST MP_RPMALLOC_C_HASHES AND h_hash IN_LIST MP_RPMALLOC_H_HASHES)
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

# Applies one change to the variable `text` of the caller; stops when it does not match as often as it must.
function(mp_rpmalloc_change name pattern replacement)
    cmake_parse_arguments(PARSE_ARGV 3 change "" "TIMES" "")
    if(NOT change_TIMES)
        set(change_TIMES 1)
    endif()
    string(REGEX MATCHALL "${pattern}" found "${text}")
    list(LENGTH found count)
    if(NOT count EQUAL change_TIMES)
        message(FATAL_ERROR "rpmalloc: the change \"${name}\" matches ${count} times, not ${change_TIMES}")
    endif()
    string(REGEX REPLACE "${pattern}" "${replacement}" text "${text}")
    set(text "${text}" PARENT_SCOPE)
endfunction()

# Writes rpmalloc as it is compiled here: rpmalloc.c with the changes of the file `changes`, and rpmalloc.h as it is.
# `source` holds an accepted text. The result is written only when it differs, so that nothing is compiled anew.
function(mp_configure_rpmalloc source changes result)
    file(SHA256 "${source}/rpmalloc.c" hash)
    list(FIND MP_RPMALLOC_C_HASHES "${hash}" place)
    file(READ "${source}/rpmalloc.c" text)
    include("${changes}")
    string(SHA256 changed_hash "${text}")
    list(GET MP_RPMALLOC_CHANGED_HASHES ${place} expected)
    if(NOT expected STREQUAL "not recorded" AND NOT changed_hash STREQUAL expected)
        message(FATAL_ERROR "rpmalloc: the changed text has the SHA-256 ${changed_hash}, not ${expected} as recorded in"
            " cmake/Rpmalloc.cmake: a change was edited, or this CMake reads files differently")
    endif()
    file(CONFIGURE OUTPUT "${result}/rpmalloc.c" CONTENT "${text}" @ONLY)
    configure_file("${source}/rpmalloc.h" "${result}/rpmalloc.h" COPYONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}/rpmalloc.c" "${changes}")
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
