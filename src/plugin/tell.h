// Lines of text for whoever listens. Cold.
#pragma once

#include <concepts>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "os/compiler.h"

namespace mp::plugin {

/// A whole number in groups of three digits: 1,234,567.
struct Grouped {
    explicit Grouped(std::integral auto number) noexcept {
        char digits[24];
        const int length = std::snprintf(digits, sizeof digits, "%lld", static_cast<long long>(number));
        std::size_t written = 0;
        for (int i = 0; i < length; ++i) {
            const bool starts_group = i != 0 && (length - i) % 3 == 0 && digits[i - 1] != '-';
            if (starts_group) {
                text[written++] = ',';
            }
            text[written++] = digits[i];
        }
        text[written] = '\0';
    }
    char text[32];
};

inline Grouped megabytes(std::uint64_t bytes) noexcept {
    return Grouped(bytes >> 20);
}

/// Milliseconds as 1:02:03.
struct Elapsed {
    explicit Elapsed(std::uint64_t milliseconds) noexcept {
        const auto seconds = static_cast<unsigned>(milliseconds / 1000);
        std::snprintf(text, sizeof text, "%u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    char text[24];
};

/// Takes one line; nullptr = nobody listens.
using Tell = void (*)(const char* line);

/// Tells one line of at most 511 characters, printf-style.
MP_PRINTF(2, 3) inline void tell_line(Tell tell, const char* format, ...) noexcept {
    if (tell == nullptr) {
        return;
    }
    char line[512];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    tell(line);
}

}  // namespace mp::plugin
