// What a player should be told of the 4 GB while the game runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "session/reader.h"

namespace mp::session {

/// Below these largest holes, in KB, a player is told, once each.
inline constexpr std::array<std::int64_t, 3> kHoleLevelsKb{2 * kScarceHoleKb, kScarceHoleKb, kScarceHoleKb / 2};

/// Follows the largest hole of the address space. One thread.
class SpaceWatch {
public:
    /// Once a second or so; `ms`, since any moment, never falls. True when there is something to say: a sentence in
    /// `text`, cut where it ends, terminated. That the hole is below a level, once for each and for the lowest of
    /// several; or in how many minutes it falls below 64 MB, when it has fallen for minutes and that is near: not again
    /// for ten minutes.
    [[nodiscard]] bool look(std::uint64_t ms, std::int64_t hole_kb, std::span<char> text) noexcept;

private:
    struct Seen {
        std::uint64_t ms = 0;
        std::int64_t hole_kb = 0;
    };
    static constexpr std::size_t kSeen = 31;

    [[nodiscard]] bool is_new_level(std::int64_t hole_kb) noexcept;
    void remember(std::uint64_t ms, std::int64_t hole_kb) noexcept;
    [[nodiscard]] std::uint64_t minutes_left(std::uint64_t ms, std::int64_t hole_kb) const noexcept;

    std::array<Seen, kSeen> seen_{};  ///< one every ten seconds, of the last five minutes
    std::size_t count_ = 0;           ///< ever remembered
    std::size_t levels_ = 0;          ///< told, or passed over
    std::uint64_t silent_until_ms_ = 0;
};

}  // namespace mp::session
