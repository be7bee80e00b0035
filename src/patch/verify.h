// Proves that the functions of the site table stand in an image. Reads only.
//
// What is certain about a function must hold, whatever its bytes are: its calls stand where the table says and reach
// what the table says, and what it pops is what its replacement will pop. What is only likely, the first bytes, may
// differ: a function is accepted by its bytes, or by its structure when every path of it could be walked. Code that
// leaves the game's module belongs to somebody else and is never accepted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "game/sites.h"
#include "patch/image.h"
#include "patch/walk.h"

namespace mp::patch {

enum class Finding : std::uint8_t {
    ok,
    unreadable,       ///< the page is not readable
    foreign,          ///< a jump or call leaves the game's module: somebody's hook
    breakpoint,       ///< CC stands where a hook would displace instructions
    statement_fails,  ///< something that is certain about the function does not hold
    pops_differ,      ///< a return pops another number of bytes than the contract demands, or there is none
    start_entered,    ///< a jump of the function leads into the bytes that a hook would displace
    start_is_fixed,   ///< the function ends before a jump would, or starts with an instruction that cannot be moved
    not_proven,       ///< the first bytes differ, and not every path could be walked, or nothing else is certain
    pointer_differs,  ///< a vtable slot points elsewhere
    changed,          ///< (after an installation) other bytes stand there, no jump
};

enum class Proof : std::uint8_t { none, bytes, structure };

/// What a proof may rest on. Where nothing but the first bytes is certain (game::has_certain_structure), they always
/// decide.
enum class Accept : std::uint8_t { bytes_or_structure, structure };

/// What a check of one site found; a value that can be printed later.
struct SiteReport {
    Finding finding = Finding::ok;
    Proof proof = Proof::none;
    WalkProblem walk_problem = WalkProblem::none;  ///< why the walk is not complete
    bool start_is_entered = false;                 ///< as the table says: no trampoline is possible
    game::Addr site = 0;                           ///< the site's own address
    game::Addr address = 0;                        ///< first address that disagrees, the site's own when ok
    /// As proven: the table's value, or the one that the walk tells.
    std::int8_t bytes_popped = 0;
    std::uint8_t displaced = 0;  ///< bytes of the whole instructions that a jump displaces, 0 when not known
    // The first bytes (or a slot's value), expected and observed.
    std::uint8_t byte_count = 0;
    std::array<std::uint8_t, game::BytePattern::kCapacity> expected{};
    std::array<std::uint8_t, game::BytePattern::kCapacity> mask{};
    std::array<std::uint8_t, game::BytePattern::kCapacity> observed{};
    bool bytes_differ = false;
    game::Statement statement{};     ///< the one that fails
    std::int32_t popped_found = -1;  ///< by the return at `address`; -1 when there is none
    game::Addr jump_target = 0;      ///< where the foreign transfer, the slot, or what stands for a statement leads
    std::array<char, 64> owner{};    ///< module that owns the target, "" when unknown or not asked for
};

/// Checks `site` with `walk`, which keeps the walk afterwards. Any thread; one user of a Walk at a time. Does not fill
/// in the owner.
SiteReport verify(const game::Site& site, const Image& image, Walk& walk,
                  Accept accept = Accept::bytes_or_structure) noexcept;
/// Checks that a vtable slot still points to the game's function.
SiteReport verify(const game::PointerSite& site, const Image& image) noexcept;

/// Proves that a function can be called: every path of it could be walked, none leaves the module, and each return pops
/// what the table says. Its bytes do not matter.
SiteReport verify(const game::Helper& helper, const Image& image, Walk& walk) noexcept;

/// Fills in the module that owns the target. Asks the system's loader: never under a lock of ours.
void name_owner(SiteReport& report, const Image& image) noexcept;

/// The table's name of a function, vtable slot or import slot; "" when it has none.
std::string_view name_of(game::Addr va) noexcept;

/// How the site was proven: "by bytes", "by structure", "not".
std::string_view proof_name(Proof proof) noexcept;

/// Why a walk is not complete: "a jump that cannot be followed".
std::string_view walk_problem_name(WalkProblem problem) noexcept;

/// One line without a line end: "0x00AA5E30 ScrapBuffer::Grow: foreign jump at 0x00AA5E30 to 0x12345678 (other.dll);
/// expected 55 8B EC ..., found E9 ...". Returns the length, always NUL-terminated.
std::size_t describe(const SiteReport& report, char* out, std::size_t capacity) noexcept;

}  // namespace mp::patch
