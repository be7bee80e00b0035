// Numbers and texts into a buffer of fixed size, little-endian. What does not fit is cut (texts) or refused (numbers).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace mp::session {

class Encoder {
public:
    explicit Encoder(std::span<std::uint8_t> out) noexcept : out_(out) {}

    template <typename Number>
    Encoder& number(Number value) noexcept {
        if (out_.size() - size_ < sizeof value) {
            complete_ = false;
            return *this;
        }
        for (std::size_t i = 0; i < sizeof value; ++i) {
            out_[size_++] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
        }
        return *this;
    }

    /// Length in 16 bits, then the bytes; cut to `longest`.
    Encoder& text(std::string_view value, std::size_t longest) noexcept {
        const std::size_t length = std::min(value.size(), longest);
        if (out_.size() - size_ < length + sizeof(std::uint16_t)) {
            complete_ = false;
            return *this;
        }
        number(static_cast<std::uint16_t>(length));
        if (length != 0) {
            std::memcpy(out_.data() + size_, value.data(), length);
        }
        size_ += length;
        return *this;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// False when something did not fit.
    [[nodiscard]] bool complete() const noexcept { return complete_; }

private:
    std::span<std::uint8_t> out_;
    std::size_t size_ = 0;
    bool complete_ = true;
};

}  // namespace mp::session
