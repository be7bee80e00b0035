// Which of the known, legitimate changes by other components an image carries: for the log and the preflight check.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "game/sites.h"
#include "patch/image.h"

namespace mp::patch {

struct EditReport {
    const game::KnownEdit* edit = nullptr;
    bool readable = false;
    bool present = false;  ///< readable, and not the unmodified game's bytes
    std::array<std::uint8_t, game::BytePattern::kCapacity> observed{};
};

inline constexpr std::size_t kKnownEditCount = std::size(game::kKnownEdits);

/// One report for each of game::kKnownEdits, in that order.
std::array<EditReport, kKnownEditCount> known_edits(const Image& image) noexcept;

/// True when [va, va + size) touches a known edit.
bool overlaps_known_edit(game::Addr va, std::size_t size) noexcept;

/// One line: "0x00866EA0 changed by xNVSE (reserve of the Default heap, ...): 00 00 40 1F". The length is returned.
std::size_t describe(const EditReport& report, char* out, std::size_t capacity) noexcept;

}  // namespace mp::patch
