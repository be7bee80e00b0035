// A readable picture of the game's code: the running process, a buffer in a test, or an executable on disk.
#pragma once

#include <cstddef>
#include <cstdint>

#include "game/sites.h"

namespace mp::patch {

/// Gives access to `size` bytes at virtual address `va`; nullptr when any of them cannot be read.
class Image {
public:
    virtual ~Image() = default;
    [[nodiscard]] virtual const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept = 0;
    /// Copies the name of the module that owns `va` (file name only), "" when none is known.
    virtual void owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept = 0;
};

/// The running process: a virtual address is an address. Reads are checked against the system's page map first.
class ProcessImage final : public Image {
public:
    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override;
    void owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept override;
};

}  // namespace mp::patch
