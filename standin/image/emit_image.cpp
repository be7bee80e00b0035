// Writes the assembler source of the engine's image: emit_image <file>, or the table of free bytes: emit_image --notes.
#include "image/functions.h"
#include "map/addresses.h"

#include <cstring>
#include <fstream>
#include <iostream>

namespace mp::standin {
namespace {

ImageWriter make_image() {
    return {.code = {".mpcode", "xr", kCodeBegin, kImportsBegin, 0xCC},
            .imports = {".mpidat", "wd", kImportsBegin, kReadOnlyBegin, 0},
            .read_only = {".mprdat", "r", kReadOnlyBegin, kDataBegin, 0},
            .data = {".mpdata", "wd", kDataBegin, kDataEnd, 0},
            .glue = {},
            .tail = {}};
}

void write_image(std::ostream& out) {
    ImageWriter image = make_image();
    emit_functions(image);
    emit_fixed_code(image);
    emit_startup(image);
    emit_data(image);
    out << "\t.intel_syntax noprefix\n";
    image.code.write(out);
    image.imports.write(out);
    image.read_only.write(out);
    image.data.write(out);
    out << "\n\t.text\n" << image.glue << image.tail;
}

}  // namespace
}  // namespace mp::standin

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: emit_image <file> | --notes\n";
        return 2;
    }
    try {
        if (std::strcmp(argv[1], "--notes") == 0) {
            mp::standin::write_notes(std::cout);
            return 0;
        }
        std::ofstream out(argv[1]);
        mp::standin::write_image(out);
        out.close();
        return out ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "emit_image: " << error.what() << '\n';
        return 1;
    }
}
