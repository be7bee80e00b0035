# Builds the allocator as a project of its own, installs it, links the C program with a C compiler and runs it.
#   cmake -DROOT=<repository> -DWORK=<folder> -DRPMALLOC=<folder> -DCC=<compiler> -DCXX=<compiler> -DBITS=<32 or empty>
#         -P check.cmake
function(must)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code)
    if(NOT code EQUAL 0)
        message(FATAL_ERROR "failed (${code}): ${ARGN}")
    endif()
endfunction()

must(${CMAKE_COMMAND} -S ${ROOT}/src/alloc -B ${WORK}/build -G Ninja -DMP_RPMALLOC_DIR=${RPMALLOC} -DMP_BITS=${BITS}
    -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_INSTALL_LIBDIR=lib)
must(${CMAKE_COMMAND} --build ${WORK}/build)
must(${CMAKE_COMMAND} --install ${WORK}/build --prefix ${WORK}/prefix)
set(flags -O2)
if(BITS STREQUAL "32")
    list(APPEND flags -m32)
endif()
must(${CC} ${flags} -I${WORK}/prefix/include ${ROOT}/tests/alloc/standalone/user.c -L${WORK}/prefix/lib -lmp_alloc -lmp_os
    -o ${WORK}/user)
must(${WORK}/user)
