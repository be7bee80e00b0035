// The one list of hooks: what is asked of each, what was found at its place, and what stands there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"
#include "patch/verify.h"

namespace mp::patch {

/// A function, or a vtable slot, to be replaced.
struct Hook {
    using Bytes = std::array<std::uint8_t, game::BytePattern::kCapacity>;

    // Asked for.
    const game::Site* site = nullptr;         ///< the function; nullptr when it is a slot
    const game::PointerSite* slot = nullptr;  ///< the slot
    const void* replacement = nullptr;
    /// Stands in where the function's own code pops 8 bytes (game::kPopsToldByWalk).
    const void* replacement_pops_8 = nullptr;
    /// Receives the trampoline that calls the unpatched function, or the slot's former value, before the replacement
    /// is written; may be nullptr when the original is never called.
    void** original = nullptr;

    // Found, and made of it.
    Proof proof = Proof::none;
    std::uint8_t size = 0;      ///< bytes that change
    std::uint16_t guarded = 0;  ///< bytes from the start on that no thread may stand in, `size` or the whole function
    Bytes former{};
    Bytes written{};
    void* original_value = nullptr;
    void* former_original = nullptr;  ///< what `*original` was before

    bool planned = false;  ///< part of the transaction under way
    bool stands = false;   ///< `written` was put in place and not taken out since

    [[nodiscard]] game::Addr va() const noexcept { return site != nullptr ? site->va : slot != nullptr ? slot->va : 0; }
    [[nodiscard]] game::Group group() const noexcept {
        return site != nullptr ? site->group : slot != nullptr ? slot->group : game::Group::none;
    }
};

inline constexpr std::size_t kMaxHooks = 96;

/// In the order in which they are written: slots, then consumers, then producers, else as they were added. Big: meant
/// for static storage, and not RAII on purpose: the game outlives our objects.
class Hooks {
public:
    /// Asks for a replacement. One too many is remembered as such (too_many). The answer is good until the next call.
    Hook& add(const Hook& hook) noexcept;

    void clear() noexcept { *this = {}; }

    [[nodiscard]] std::span<Hook> all() noexcept { return std::span(list_).first(count_); }
    [[nodiscard]] std::span<const Hook> all() const noexcept { return std::span(list_).first(count_); }
    [[nodiscard]] bool too_many() const noexcept { return too_many_; }

    /// Whether a hook of that group stands.
    [[nodiscard]] bool stands(game::Group group) const noexcept;
    /// How many stand.
    [[nodiscard]] std::size_t standing() const noexcept;
    /// The hook at that address, whether it stands or not; nullptr when none was asked for there.
    [[nodiscard]] const Hook* find(game::Addr va) const noexcept;
    [[nodiscard]] Hook* find(game::Addr va) noexcept;

private:
    std::array<Hook, kMaxHooks> list_{};
    std::size_t count_ = 0;
    bool too_many_ = false;
};

/// What became of one group.
struct GroupOutcome {
    enum class State : std::uint8_t {
        installed,
        declined,    ///< `report` names the first site that does not match
        not_needed,  ///< all sites match, but the groups that it builds on were declined
        failed,  ///< all sites match, but the transaction did not go through; `InstallReport::error` says why and what
                 ///< it left
    };
    game::Group group = game::Group::none;
    State state = State::declined;
    std::uint8_t sites = 0;       ///< functions and slots of the group
    std::uint8_t mismatches = 0;  ///< how many of them do not match
    std::uint8_t standing = 0;    ///< for `failed`: how many of them could not be taken out again and stay replaced
    SiteReport report{};
};

}  // namespace mp::patch
