// From the compiler's runtime into the engine's own start-up code, and from its WinMain into the application
// (engine contract, part C). The PE entry itself is machine code of the image.
#include "startup/standin_main.h"

#include "memory/engine.h"

#include <cstdio>
#include <windows.h>

extern "C" unsigned long _tls_index;  // of the compiler's runtime
extern "C" const std::uint32_t standin_tls_context;

namespace mp::standin {
namespace {

int arguments = 0;
char** argument_values = nullptr;

/// The game's TLS block is the executable's own; the linker script puts the context at its true offset.
bool tls_is_in_place() {
    return *at<const std::uint32_t>(game::data::kTlsIndex) == _tls_index && tls_block() != nullptr &&
           thread_context() == 0;
}

std::uint32_t rotate(std::uint32_t value, unsigned by) {
    return (value << by) | (value >> (32 - by));
}

}  // namespace
}  // namespace mp::standin

using namespace mp::standin;

extern "C" {

/// Security cookie. Runs before the compiler's runtime: nothing here may need it.
void eng_00EDDB9A() {
    constexpr std::uint32_t kUnset = 0xBB40E64E;
    auto& cookie = *at<std::uint32_t>(mp::game::data::kSecurityCookie);
    if (cookie != kUnset && cookie != 0) {
        return;
    }
    std::uint32_t now[2] = {};
    std::uint32_t counter[2] = {};
    sys::call_slot<void>(import_slot_of("GetSystemTimeAsFileTime"), &now[0]);
    sys::call_slot<std::int32_t>(import_slot_of("QueryPerformanceCounter"), &counter[0]);
    std::uint32_t value = now[0] ^ rotate(now[1], 7) ^ counter[0] ^ rotate(counter[1], 13);
    value ^= sys::call_slot<std::uint32_t>(import_slot_of("GetCurrentProcessId"));
    value ^= rotate(sys::call_slot<std::uint32_t>(import_slot_of("GetCurrentThreadId")), 3);
    value ^= sys::call_slot<std::uint32_t>(import_slot_of("GetTickCount"));
    cookie = value == 0 || value == kUnset ? kUnset + 1 : value;
}

/// WinMain. The operating system's arguments are those of the compiler's runtime, already split.
int eng_0086A850(void* /*instance*/, void* /*previous*/, char* /*command_line*/, int /*show*/) {
    return standin_win_main(arguments, argument_values);
}

}  // extern "C"

int main(int argc, char** argv) {
    constexpr int kNoTls = 3;
    arguments = argc;
    argument_values = argv;
    if (!tls_is_in_place()) {
        std::fputs("the game's TLS block is not where it belongs\n", stderr);
        return kNoTls;
    }
    return fn::kCrtMain();
}
