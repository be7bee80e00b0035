// The first half of a transaction: which bytes change, and in which order. Reads an image, writes nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "game/sites.h"
#include "patch/image.h"
#include "patch/transaction.h"

namespace mp::patch {

/// Bytes that are to change from `before` to `after`.
struct Edit {
    game::Addr va = 0;
    std::uint8_t size = 0;
    std::uint16_t guarded = 0;  ///< bytes from `va` on that no thread may stand in, `size` or the whole function
    std::array<std::uint8_t, game::BytePattern::kCapacity> before{};
    std::array<std::uint8_t, game::BytePattern::kCapacity> after{};
    bool is_pointer = false;
    game::Group group = game::Group::none;
    void** original = nullptr;       ///< receives `original_value` when the edit is made; may be nullptr
    void* original_value = nullptr;  ///< trampoline (filled in later) or the slot's former value
    bool stands = false;             ///< in place already: only `original` is filled in
    bool stuck = false;              ///< found in place after a transaction that failed
};

/// Big: meant for static storage.
struct Plan {
    std::array<Edit, kMaxHooks> edits{};
    std::size_t count = 0;
    [[nodiscard]] std::span<Edit> all() noexcept { return {edits.data(), count}; }
};

/// E9 rel32 from `from` to `to`.
void encode_jump(game::Addr from, game::Addr to, std::uint8_t* out) noexcept;

/// Verifies every site in `image` and lists the edits: slots and consumers first, then producers, else in the order
/// given. Hooks of `installation` that still stand with the same replacement are marked so.
/// `walk` is scratch space.
std::expected<void, Error> plan_install(std::span<const Hook> hooks, std::span<const PointerHook> pointers,
                                        const Installation& installation, const Image& image, Walk& walk,
                                        Plan& plan) noexcept;

/// Lists the edits that take `installation` out again, last written first. Bytes that are the former ones already need
/// no edit. Entries whose bytes are neither ours nor the former ones go to `left_alone` (as many as fit). Returns how
/// many there are of those.
std::size_t plan_restore(const Installation& installation, const Image& image, std::span<Error> left_alone,
                         Plan& plan) noexcept;

}  // namespace mp::patch
