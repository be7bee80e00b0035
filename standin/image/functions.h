// Emits the engine's functions: true first bytes, the rest of their last instruction, glue to the C++ body, true
// return.
#pragma once

#include "image/image_writer.h"

namespace mp::standin {

/// Every function that map/bodies.inc lists, and those that are machine code as a whole.
void emit_functions(ImageWriter& image);
void emit_machine_code(ImageWriter& image);

/// Whether emit_machine_code has the function of this site.
bool is_machine_code(game::Addr va);

/// `.byte` line of a site's first bytes, with our choice for those that are not known.
std::string known_bytes(const game::Site& site);

/// "C2 nn 00" or "C3".
std::string return_bytes(unsigned popped);

/// Functions of the C runtime and of the DirectShow classes, whole in the image (engine contract A.1, A.2, G.1).
void emit_runtime_functions(ImageWriter& image);
void emit_media_functions(ImageWriter& image);

/// Code that is no function of its own: patch sites, handlers, start-up, frame helpers of the CRT.
void emit_startup(ImageWriter& image);
void emit_fixed_code(ImageWriter& image);

/// Read-only and writable data.
void emit_data(ImageWriter& image);

/// Their addresses, those without known first bytes.
void write_free_functions(std::ostream& out);

/// Markdown table of the bytes that are free, and of known bytes that are not honoured.
void write_notes(std::ostream& out);

}  // namespace mp::standin
