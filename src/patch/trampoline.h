// Trampolines: the instructions that a jump displaced, followed by a jump to the rest of the function.
//
// They are never taken away, because a thread may stand inside one at any time. A page of them is written while it is
// read-write, then made executable for ever; the next batch gets a page of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"

namespace mp::patch {

struct TrampolineRequest {
    game::Addr va = 0;                     ///< where the instructions were stolen
    std::span<const std::uint8_t> stolen;  ///< whole instructions
    void* address = nullptr;               ///< answer: the trampoline
};

/// Cold; one thread at a time. No destructor: the trampolines outlive everything. Meant for static storage.
class TrampolineStore {
public:
    static constexpr std::size_t kSlot = 40;  ///< bytes, room for what five displaced bytes can become, and the jump
    static constexpr std::size_t kCapacity = 512;
    static constexpr std::size_t kMaxBatch = 4096 / kSlot;

    /// Answers all requests (at most kMaxBatch) or none. Relative jumps, branches and calls are written anew for their
    /// new place. A trampoline of the same bytes and address is used again. False, with nothing left behind, when
    /// memory or its protection is refused, or when an instruction cannot be moved (verification finds those before).
    bool prepare(std::span<TrampolineRequest> requests) noexcept;

    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    struct Entry {
        game::Addr va = 0;
        std::uint8_t size = 0;
        std::array<std::uint8_t, game::BytePattern::kCapacity> stolen{};
        void* address = nullptr;
    };

    [[nodiscard]] void* find(const TrampolineRequest& request) const noexcept;
    [[nodiscard]] std::uint8_t* take_page() noexcept;
    void give_page_back(std::uint8_t* page) noexcept;

    std::array<Entry, kCapacity> entries_{};
    std::size_t count_ = 0;
    std::uint8_t* region_ = nullptr;  ///< reservation of one granule
    std::size_t pages_used_ = 0;      ///< pages of `region_` that are executable
};

}  // namespace mp::patch
