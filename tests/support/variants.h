// Variants of the stand-in's executable: where the site table knows a function's first bytes as likely only, other
// bytes that do the same. What is certain stays: the start, the calls with their addresses, the return.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "game/sites.h"

namespace mp::test {

/// The functions that are rewritten, ascending.
std::span<const game::Addr> varied_functions();

/// The variant of number `seed` of the stand-in's built file, equally long and as runnable as the file. The same seed
/// gives the same variant everywhere. The first bytes of every varied function differ from the site table's. Throws
/// std::invalid_argument when `file` is not the stand-in as it is built.
std::vector<std::uint8_t> variant_of(std::span<const std::uint8_t> file, std::uint32_t seed);

}  // namespace mp::test
