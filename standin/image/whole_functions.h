// Functions that stand whole in the image, without a C++ body of their own: their shape is known, so the code that a
// walk over the image sees is the code that does the work (engine contract A.1, A.2, G.1).
#pragma once

#include "map/addresses.h"

namespace mp::standin {

/// In address order. None of them pops an argument.
inline constexpr game::Addr kWholeFunctions[] = {
    0x009FB170, 0x009FCC60, game::code::kErrno, 0x00ECCF5D, 0x00ECD1C7, 0x00ECD291, 0x00ECD31F, 0x00ED0CDF, 0x00ED0D24,
    0x00ED0D70, 0x00ED0DBE, 0x00EDDB6A,         0x00EDDD7D, 0x00EDE263, 0x00EDE579, 0x00EDE629, 0x00EE15E2, 0x00EE1700,
};

/// True for a function of the list above.
constexpr bool is_whole(game::Addr va) {
    for (const game::Addr each : kWholeFunctions) {
        if (each == va) {
            return true;
        }
    }
    return false;
}

}  // namespace mp::standin
