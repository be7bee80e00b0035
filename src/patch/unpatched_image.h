// An image as it would be without our hooks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "patch/hooks.h"
#include "patch/image.h"

namespace mp::patch {

/// Shows the original bytes wherever a hook of ours still stands in the image below; what others wrote is shown as it
/// is. Bytes beside a hook are copied: a pointer that `at` gave is good until the next call, and no more than kMost
/// bytes are given there at once. For one thread.
class UnpatchedImage final : public Image {
public:
    static constexpr std::size_t kMost = 64;

    /// Both must outlive this.
    UnpatchedImage(const Image& image, const Hooks& hooks) noexcept : image_(image), hooks_(hooks) {}

    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override;
    [[nodiscard]] ModuleRange module_of(game::Addr va) const noexcept override { return image_.module_of(va); }
    void owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept override {
        image_.owner_of(va, name, capacity);
    }

private:
    const Image& image_;
    const Hooks& hooks_;
    mutable std::array<std::uint8_t, kMost> copy_{};
};

}  // namespace mp::patch
