// Assembler text of a function whose instructions stand at known offsets.
#pragma once

#include "image/image_writer.h"

namespace mp::standin {

/// GNU assembler text of the function at `va`: its known first bytes (`unknown` fills those the table does not know),
/// then `text`, in which
///   "+77:" alone on a line    continues at that offset; what is left before it becomes NOPs, and too much stops the
///   build, "gap 9A:" alone on a line does so behind an instruction that does not fall through; what is left becomes
///   CC,
///   @77                       is the address of that offset,
///   $Name                     is the memory operand of an import slot or of a variable of the C runtime.
std::string whole_function(game::Addr va, std::string_view text, std::string_view unknown = {});

}  // namespace mp::standin
