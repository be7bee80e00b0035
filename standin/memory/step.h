// Bodies that ask the image for calls. Where the engine's code holds a call whose address is known, the instruction
// stands there, in the function's own text, and makes the call: the body answers which call is next, the image makes it
// and enters the body again, until there is no next one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"

namespace mp::standin {

/// What image and body hand to each other. It lies on the stack below the function's frame and lives as long as that.
struct Step {
    static constexpr std::size_t kMostArguments = 4;
    static constexpr std::uint32_t kDone = 0;

    std::uint32_t number;  ///< the call that was made last, 0 when the function was just entered
    std::uint32_t result;  ///< what that call returned; at the end, what the function returns
    game::Ptr32 object;
    std::uint32_t arguments[kMostArguments];
    std::uint32_t kept[4];  ///< for the body, from one step to the next; not set at the beginning

    /// Ends the function.
    std::uint32_t finish(std::uint32_t value = 0) {
        result = value;
        return kDone;
    }
    std::uint32_t finish(const void* pointer) { return finish(game::addr_of(pointer)); }

    /// Asks for the function's call of this number (kStepCalls of standin/image/functions.cpp), with the object in ECX.
    template <typename... Words>
    std::uint32_t call(std::uint32_t wanted, const void* self, Words... words) {
        static_assert(sizeof...(Words) <= kMostArguments);
        std::size_t i = 0;
        ((arguments[i++] = word(words)), ...);
        object = game::addr_of(self);
        return number = wanted;
    }

private:
    static std::uint32_t word(std::uint32_t value) { return value; }
    static std::uint32_t word(const void* pointer) { return game::addr_of(pointer); }
};
static_assert(sizeof(Step) == 0x2C);
static_assert(offsetof(Step, result) == 4 && offsetof(Step, object) == 8 && offsetof(Step, arguments) == 0xC);

}  // namespace mp::standin
