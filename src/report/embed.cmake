# cmake -DNAMES=a;b -DFILES=x;y -DOUTPUT=file.cpp -P embed.cmake: files as arrays of bytes (embedded.h).
set(text "// Made by embed.cmake.\n#include \"report/embedded.h\"\n\nnamespace mp::report::embedded {\n\nnamespace {\n\n")
set(getters "")
foreach(name file IN ZIP_LISTS NAMES FILES)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND text "constexpr unsigned char ${name}_bytes[] = {\n${hex}};\n\n")
    string(APPEND getters "std::string_view ${name}() noexcept {\n"
        "    return {reinterpret_cast<const char*>(${name}_bytes), sizeof ${name}_bytes};\n}\n\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}}  // namespace\n\n${getters}}  // namespace mp::report::embedded\n")
