#include "plugin/console.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "game/addresses.h"
#include "game/functions.h"
#include "os/thread_block.h"
#include "plugin/log.h"

namespace mp::plugin::console {

namespace {

constexpr std::size_t kLongestLine = 480;

/// Passes finished text through the console's printf-like entry.
void print_through(void* manager, const char* format, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, format);
    game::fn::kConsolePrint(manager, format, arguments);
    va_end(arguments);
}

}  // namespace

void print(const char* format, ...) noexcept {
    char text[kLongestLine + 1];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    void* manager = game::fn::kConsole(true);
    if (manager != nullptr) {
        print_through(manager, "%s", text);
    }
}

void tell(const char* line) noexcept {
    log::line("console: %s", line);
    print("%s", line);
}

bool is_executing() noexcept {
    if (*game::at<std::uint8_t>(game::data::kConsoleActive) == 0) {
        return false;
    }
    const std::uint8_t* block = os::thread_block(*game::at<std::uint32_t>(game::data::kTlsIndex));
    return block != nullptr && block[game::kTlsConsoleOffset] != 0;
}

}  // namespace mp::plugin::console
