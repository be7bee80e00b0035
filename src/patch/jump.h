// Recognises the jumps that patching libraries write over the start of a function.
#pragma once

#include <cstddef>
#include <optional>

#include "game/sites.h"
#include "patch/image.h"

namespace mp::patch {

struct Jump {
    std::size_t size = 0;   ///< bytes of the instruction, or of PUSH and RET together
    game::Addr target = 0;  ///< 0 when it cannot be told (the pointer of an indirect jump is not readable)
};

/// The jump or call that stands exactly at `va`: E9 and E8 rel32, EB rel8, FF 25 [pointer], 68 imm32 C3. A short jump
/// to another of these (the hot-patch form) is followed once.
std::optional<Jump> jump_at(const Image& image, game::Addr va) noexcept;

}  // namespace mp::patch
