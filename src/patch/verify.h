// Compares sites with an image, at both ends. Reads only.
#pragma once

#include <array>
#include <cstdint>

#include "game/sites.h"
#include "patch/image.h"

namespace mp::patch {

enum class Finding : std::uint8_t {
    ok,
    unreadable,        ///< the page is not readable
    prologue_differs,  ///< unknown first bytes
    foreign_jump,      ///< first bytes differ because somebody's jump (E9, E8, EB, FF 25, 68..C3) stands at +0 or +2
    return_differs,    ///< the return instruction is not the expected one: the popped bytes are not certain
    pointer_differs,   ///< a vtable slot points elsewhere
};

/// What a check of one site found; a value that can be printed later.
struct SiteReport {
    Finding finding = Finding::ok;
    game::Addr site = 0;  ///< the site's own address
    /// First address that disagrees (the site's when ok). When a return instruction is searched in a range: the range's
    /// start when it is not there, the second one when it is there twice, its count when that makes no sense.
    game::Addr address = 0;
    std::uint8_t byte_count = 0;  ///< meaningful bytes in the two arrays
    std::array<std::uint8_t, game::BytePattern::kCapacity> expected{};
    std::array<std::uint8_t, game::BytePattern::kCapacity> mask{};
    std::array<std::uint8_t, game::BytePattern::kCapacity> observed{};
    game::Addr jump_target = 0;    ///< where a foreign jump or pointer leads
    std::array<char, 64> owner{};  ///< module that owns the target, "" when unknown
    /// As proven: the table's value, or the one the epilogue tells; game::kPopsToldByEpilogue when nothing proves it.
    std::int8_t bytes_popped = 0;
};

/// Checks the first bytes and the return instruction of `site`.
SiteReport verify(const game::Site& site, const Image& image) noexcept;
/// Checks that a vtable slot still points to the game's function.
SiteReport verify(const game::PointerSite& site, const Image& image) noexcept;

/// One line without a line end: "0x00AA5E30 ScrapBuffer::Grow: foreign jump to 0x12345678 (other.dll); expected 55 8B
/// EC
/// ..., found E9 ...". Returns the length, always NUL-terminated.
std::size_t describe(const SiteReport& report, char* out, std::size_t capacity) noexcept;

}  // namespace mp::patch
