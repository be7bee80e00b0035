// The other direction of Encoder. Reading beyond the end gives zeros and empty texts and is remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mp::session {

class Decoder {
public:
    explicit Decoder(std::span<const std::uint8_t> data) noexcept : data_(data) {}

    template <typename Number>
    Number number() noexcept {
        if (data_.size() - position_ < sizeof(Number)) {
            complete_ = false;
            return Number{};
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(Number); ++i) {
            value |= static_cast<std::uint64_t>(data_[position_++]) << (8 * i);
        }
        return static_cast<Number>(value);
    }

    std::string text() {
        const auto length = number<std::uint16_t>();
        if (data_.size() - position_ < length) {
            complete_ = false;
            return {};
        }
        const auto* begin = reinterpret_cast<const char*>(data_.data()) + position_;
        position_ += length;
        return {begin, length};
    }

    [[nodiscard]] bool complete() const noexcept { return complete_; }

private:
    std::span<const std::uint8_t> data_;
    std::size_t position_ = 0;
    bool complete_ = true;
};

}  // namespace mp::session
