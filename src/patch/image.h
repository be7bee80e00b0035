// A readable picture of the game's code: the running process, a buffer in a test, or an executable on disk.
#pragma once

#include <cstddef>
#include <cstdint>

#include "game/sites.h"

namespace mp::patch {

/// Addresses of one module: the game's own.
struct ModuleRange {
    game::Addr begin = 0;
    game::Addr end = 0;
    [[nodiscard]] bool contains(game::Addr va) const noexcept { return va >= begin && va < end; }
};

/// Gives access to `size` bytes at virtual address `va`; nullptr when any of them cannot be read.
class Image {
public:
    virtual ~Image() = default;
    [[nodiscard]] virtual const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept = 0;
    /// The module that `va` belongs to; empty when it belongs to none.
    [[nodiscard]] virtual ModuleRange module_of(game::Addr va) const noexcept = 0;
    /// Copies the name of the module that owns `va` (file name only), "" when none is known.
    virtual void owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept = 0;
};

/// True when these `size` bytes can be read at `va`.
bool bytes_stand(const Image& image, game::Addr va, const std::uint8_t* bytes, std::size_t size) noexcept;

/// The running process: a virtual address is an address. Reads are checked against the system's page map first. What
/// the map said last is remembered, so an object is for one look at the process, by one thread.
class ProcessImage final : public Image {
public:
    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override;
    [[nodiscard]] ModuleRange module_of(game::Addr va) const noexcept override;
    void owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept override;

private:
    mutable ModuleRange readable_{};
    mutable ModuleRange module_{};
};

}  // namespace mp::patch
