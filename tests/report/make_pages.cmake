# cmake -DEXAMPLES=... -DMPNVSE=... -DFOLDER=... -P make_pages.cmake: example sessions and their pages, by the real tool.
cmake_policy(VERSION 3.25)
file(REMOVE_RECURSE ${FOLDER})
execute_process(COMMAND ${EXAMPLES} ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
foreach(name full scrap off owned crashed ended found running estimated empty long)
    execute_process(COMMAND ${MPNVSE} report ${FOLDER}/${name}.csv COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${MPNVSE} compare --json ${FOLDER}/off.csv ${FOLDER}/full.csv OUTPUT_FILE ${FOLDER}/compare.json
    COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${MPNVSE} compare ${FOLDER}/off.csv ${FOLDER}/full.csv -o ${FOLDER}/compare.html
    COMMAND_ERROR_IS_FATAL ANY)
