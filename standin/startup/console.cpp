#include "startup/console.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <mutex>

namespace mp::standin {
namespace {

/// The object that 0x0071B160 hands out; its fields are of no interest here.
struct Console {
    std::uint32_t created = 0;
};

Console console;
std::mutex lines_lock;
bool echoes = true;

std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
}

}  // namespace

std::vector<std::string> console_lines() {
    const std::lock_guard guard(lines_lock);
    return lines();
}

void clear_console() {
    const std::lock_guard guard(lines_lock);
    lines().clear();
}

void set_console_echo(bool echo) {
    const std::lock_guard guard(lines_lock);
    echoes = echo;
}

}  // namespace mp::standin

using namespace mp::standin;

extern "C" {

/// The console; created on the first call that asks for it.
void* eng_0071B160(bool create) {
    if (create) {
        console.created = 1;
    }
    return console.created != 0 ? &console : nullptr;
}

/// Prints one line.
void eng_0071D0A0(void* /*self*/, const char* format, va_list arguments) {
    constexpr std::size_t kLongestLine = 512;
    char line[kLongestLine];
    std::vsnprintf(line, sizeof line, format, arguments);
    const std::lock_guard guard(lines_lock);
    lines().emplace_back(line);
    if (echoes) {
        std::puts(line);
        std::fflush(stdout);
    }
}

}  // extern "C"
