// Emits the engine's functions: true first bytes, the rest of their last instruction, glue to the C++ body, true
// return.
#pragma once

#include "image/image_writer.h"

namespace mp::standin {

/// Every function that bodies.inc and own_bodies.inc list.
void emit_functions(ImageWriter& image);

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
