// Mutants of a variant of the stand-in: copies of a program in which one thing that is certain about one function does
// not hold any more. They are made from the program's own code, as a walk over it finds it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "game/sites.h"
#include "support/program_file.h"

namespace mp::test {

struct Change {
    game::Addr va;
    std::vector<std::uint8_t> bytes;
};

struct Mutant {
    const game::Site* site;
    game::Statement statement;  ///< the one that does not hold, in mutants of statements
    std::vector<Change> changes;
};
using Mutants = std::vector<Mutant>;

/// An address in no section of the program.
inline constexpr game::Addr kOtherModule = 0x12345678;

/// The variant of number `seed` in which no function's first bytes are those of the site table any more: where they are
/// certain, one instruction is written in its other form, or pushes another address. Nobody runs it.
ProgramFile program_without_known_bytes(std::span<const std::uint8_t> built_file, std::uint32_t seed);

// Each of these is empty for a function that has nothing of the kind.

/// Each call of the statements reaches something else; each vtable slot holds another function; the jump that enters
/// the start leads elsewhere.
Mutants with_statements_redirected(const game::Site& site, const ProgramFile& program);
/// Each call of the statements is gone.
Mutants with_calls_missing(const game::Site& site, const ProgramFile& program);
/// For each statement about a call through a register: one path to it does not load the register. Two mutants a load:
/// the path parts from the others right in front of it, or comes from somewhere else.
Mutants with_register_not_loaded(const game::Site& site, const ProgramFile& program);
/// A jump leads into the bytes that a hook displaces.
Mutants with_start_entered(const game::Site& site, const ProgramFile& program);
/// One return pops eight bytes more.
Mutants with_another_return(const game::Site& site, const ProgramFile& program);
/// A breakpoint stands in the bytes that a hook displaces.
Mutants with_breakpoint(const game::Site& site, const ProgramFile& program);
/// A jump, and in the second one a call, leaves the program right at the start.
Mutants with_foreign_start(const game::Site& site, const ProgramFile& program);
/// The same as late in the function as there is room.
Mutants with_foreign_code_deep_inside(const game::Site& site, const ProgramFile& program);

}  // namespace mp::test
