# cmake -DEMIT=<program> -DDOCUMENT=<file> -P check_notes.cmake: the document holds what the program prints.
execute_process(COMMAND ${EMIT} --notes OUTPUT_VARIABLE notes COMMAND_ERROR_IS_FATAL ANY)
file(READ ${DOCUMENT} text)
string(FIND "${text}" "${notes}" found)
if(found EQUAL -1)
    message(FATAL_ERROR "${DOCUMENT} does not hold the output of ${EMIT} --notes")
endif()
