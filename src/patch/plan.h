// The first half of a transaction: what is found in an image, and which bytes change. Writes nothing but the list.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"
#include "patch/hooks.h"
#include "patch/image.h"
#include "patch/outcome.h"

namespace mp::patch {

/// What became of the groups of a list.
struct InstallReport {
    std::array<GroupOutcome, game::kGroupCount> groups{};
    std::size_t group_count = 0;
    Error error{};

    [[nodiscard]] bool has_error() const noexcept { return error.failure != Failure::none; }
    [[nodiscard]] std::span<GroupOutcome> outcomes() noexcept { return std::span(groups).first(group_count); }
    [[nodiscard]] std::span<const GroupOutcome> outcomes() const noexcept {
        return std::span(groups).first(group_count);
    }
    /// nullptr for a group that was not asked for.
    [[nodiscard]] const GroupOutcome* find(game::Group group) const noexcept {
        const auto found = std::ranges::find(outcomes(), group, &GroupOutcome::group);
        return found == outcomes().end() ? nullptr : &*found;
    }
};

/// E9 rel32 from `from` to `to`.
void encode_jump(game::Addr from, game::Addr to, std::uint8_t* out) noexcept;

/// Verifies, once, every hook that is not in place, and plans those of the groups that match as a whole. `report` gets
/// an outcome a group. An error when the list itself is senseless: nothing may be written then. `walk` is scratch
/// space.
Error plan_install(Hooks& hooks, const Image& image, Walk& walk, InstallReport& report) noexcept;

/// Plans to take out the standing hooks that `wanted` accepts; nullptr: all. Hooks whose former bytes are back stand no
/// more. Those whose bytes are neither go to `left_alone` (as many as fit), last written first. Returns how many there
/// are of those.
std::size_t plan_restore(Hooks& hooks, bool (*wanted)(const Hook&) noexcept, const Image& image,
                         std::span<Error> left_alone) noexcept;

/// Standing hooks whose bytes are not ours any more, the game's own ones in their place included: fills `changes` as
/// far as it reaches, returns how many there are.
std::size_t find_changes(const Hooks& hooks, const Image& image, std::span<Error> changes) noexcept;

}  // namespace mp::patch
