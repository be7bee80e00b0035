// What holds for every input.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace mp::test {

/// Ends the process where it does not, and says where: the fuzzer then keeps the input.
inline void must(bool holds, std::source_location where = std::source_location::current()) {
    if (!holds) {
        std::fprintf(stderr, "%s:%u: does not hold\n", where.file_name(), static_cast<unsigned>(where.line()));
        std::abort();
    }
}

}  // namespace mp::test
