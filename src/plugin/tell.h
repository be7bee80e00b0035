// Lines of text for whoever listens. Cold.
#pragma once

#include <cstdarg>
#include <cstdio>

#include "os/compiler.h"

namespace mp::plugin {

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
