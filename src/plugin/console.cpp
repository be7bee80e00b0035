#include "plugin/console.h"

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "game/addresses.h"
#include "game/functions.h"
#include "os/file.h"
#include "os/thread_block.h"
#include "plugin/log.h"
#include "session/mailbox.h"

namespace mp::plugin::console {

namespace {

constexpr std::size_t kLongestText = 480;

constinit session::Mailbox g_waiting;

/// Passes finished text through the console's printf-like entry.
void print_through(void* manager, const char* format, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, format);
    game::fn::kConsolePrint(manager, format, arguments);
    va_end(arguments);
}

/// Where a text that is wider than `width` is broken: before a blank, or in a word that is too long by itself.
std::size_t end_of_line(std::string_view text, std::size_t width) noexcept {
    const std::size_t blank = text.rfind(' ', width);
    const bool is_between_words = blank != std::string_view::npos && text.find_first_not_of(' ') < blank;
    return is_between_words ? blank : width;
}

}  // namespace

void print(const char* format, ...) noexcept {
    char text[kLongestText + 1];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    void* manager = game::fn::kConsole(true);
    if (manager == nullptr) {
        return;
    }
    os::utf8_to_code_page(text, sizeof text);
    std::string_view rest = text;
    for (const char* indent = ""; !rest.empty(); indent = "  ") {
        const std::size_t width = kWidth - std::strlen(indent);
        const std::size_t end = rest.size() > width ? end_of_line(rest, width) : rest.size();
        char line[kWidth + 1];
        std::snprintf(line, sizeof line, "%s%.*s", indent, static_cast<int>(end), rest.data());
        print_through(manager, "%s", line);
        rest.remove_prefix(std::min(rest.size(), rest.substr(end).starts_with(' ') ? end + 1 : end));
    }
}

void tell(const char* line) noexcept {
    log::line("console: %s", line);
    print("%s", line);
}

void tell_soon(const char* line) noexcept {
    g_waiting.put(0, "", line);
}

void tell_waiting() noexcept {
    for (session::Mailbox::Event event; g_waiting.take(event);) {
        char line[sizeof event.text + 1];
        std::snprintf(line, sizeof line, "%.*s", static_cast<int>(event.length), event.text.data());
        tell(line);
    }
}

bool is_executing() noexcept {
    if (*game::at<std::uint8_t>(game::data::kConsoleActive) == 0) {
        return false;
    }
    const std::uint8_t* block = os::thread_block(*game::at<std::uint32_t>(game::data::kTlsIndex));
    return block != nullptr && block[game::kTlsConsoleOffset] != 0;
}

}  // namespace mp::plugin::console
