// What one executable says of every row of the site table, as a short text: with it a row that is only likely can be
// made certain, or put right. Nothing of the machine is in it: no path, no name of a user or of another module.
#pragma once

#include <cstdint>
#include <string_view>

#include "patch/image.h"
#include "patch/walk.h"

namespace mp::patch {

/// Changes when a line of the text gets another meaning. tools/facts/compare_facts.py reads the text.
inline constexpr std::uint32_t kFactsVersion = 1;

struct FactsHeader {
    std::uint64_t program_version = 0;  ///< four 16-bit parts
    std::string_view sha256;            ///< of the file; "" when it is the running program that is looked at
};

/// Takes a line without its line end; false when it could not be kept.
using FactsSink = bool (*)(void* context, std::string_view line) noexcept;

/// Writes the text, line by line. False as soon as `sink` says so. `walk` is scratch space. Reads only, allocates
/// nothing; any thread.
///
/// For each row: its first bytes; the size found, which is the end of the last instruction of the run that starts with
/// the function and that the walk came to (gaps of up to 16 bytes, of padding or tables, are part of the run; it ends
/// at the next row's function); every return with the bytes that it pops; every call with what it reaches; where
/// jumps leave the program; where a jump leads into the first bytes; what the vtable slots hold that name the function;
/// whether every path could be walked; and whether the table agrees.
bool write_facts(const FactsHeader& header, const Image& image, Walk& walk, FactsSink sink, void* context) noexcept;

}  // namespace mp::patch
