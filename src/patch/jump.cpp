#include "patch/jump.h"

#include <cstring>

namespace mp::patch {
namespace {

std::uint32_t dword(const std::uint8_t* bytes) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

std::optional<Jump> long_jump_at(const Image& image, game::Addr va) noexcept {
    const std::uint8_t* code = image.at(va, 5);
    if (code != nullptr && (code[0] == 0xE9 || code[0] == 0xE8)) {
        return Jump{5, va + 5 + dword(code + 1)};
    }
    code = image.at(va, 6);
    if (code == nullptr) {
        return std::nullopt;
    }
    if (code[0] == 0x68 && code[5] == 0xC3) {
        return Jump{6, dword(code + 1)};
    }
    if (code[0] == 0xFF && code[1] == 0x25) {
        const std::uint8_t* pointer = image.at(dword(code + 2), sizeof(std::uint32_t));
        return Jump{6, pointer != nullptr ? dword(pointer) : 0};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Jump> jump_at(const Image& image, game::Addr va) noexcept {
    const std::uint8_t* code = image.at(va, 2);
    if (code == nullptr) {
        return std::nullopt;
    }
    if (code[0] != 0xEB) {
        return long_jump_at(image, va);
    }
    const auto target = static_cast<game::Addr>(va + 2 + static_cast<std::uint32_t>(static_cast<std::int8_t>(code[1])));
    const std::optional<Jump> second = long_jump_at(image, target);
    return Jump{2, second ? second->target : target};
}

}  // namespace mp::patch
