// SHA-256 of bytes in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace mp::tools {

/// Lower-case hexadecimal digits. `progress` is called now and then with the bytes done, when there is one.
std::string sha256(std::span<const std::uint8_t> data, const std::function<void(std::size_t)>& progress = {});

}  // namespace mp::tools
