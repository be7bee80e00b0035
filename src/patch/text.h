// A line of text in a caller's buffer: no allocation, no format string, always NUL-terminated, cut off at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mp::patch {

class Text {
public:
    Text(char* out, std::size_t capacity) noexcept : out_(out), capacity_(capacity) { terminate(); }

    Text& add(std::string_view text) noexcept {
        for (const char c : text) {
            if (length_ + 1 >= capacity_) {
                break;
            }
            out_[length_++] = c;
        }
        terminate();
        return *this;
    }

    /// `digits` upper-case hexadecimal digits of `value`.
    Text& add_hex(std::uint32_t value, unsigned digits) noexcept {
        constexpr std::string_view kDigits = "0123456789ABCDEF";
        for (unsigned i = digits; i > 0; --i) {
            add(kDigits.substr((value >> ((i - 1) * 4)) & 0xF, 1));
        }
        return *this;
    }

    /// Decimal digits.
    Text& add_number(std::uint32_t value) noexcept {
        constexpr std::uint32_t kTen = 10;
        if (value >= kTen) {
            add_number(value / kTen);
        }
        return add_hex(value % kTen, 1);
    }

    Text& add_address(std::uint32_t address) noexcept { return add("0x").add_hex(address, 8); }

    /// Bytes as "55 8B ??"; a byte whose `mask` is zero is shown as ??. `mask` may be nullptr.
    Text& add_bytes(const std::uint8_t* bytes, const std::uint8_t* mask, std::size_t count) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            add(i == 0 ? "" : " ");
            if (mask != nullptr && mask[i] == 0) {
                add("??");
            } else {
                add_hex(bytes[i], 2);
            }
        }
        return *this;
    }

    [[nodiscard]] std::size_t length() const noexcept { return length_; }

private:
    void terminate() noexcept {
        if (capacity_ > 0) {
            out_[length_] = '\0';
        }
    }

    char* out_;
    std::size_t capacity_;
    std::size_t length_ = 0;
};

}  // namespace mp::patch
