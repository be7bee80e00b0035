// A game as small as the extender's loader accepts it. The arguments are what its WinMain does; each line it prints is
// one fact the tests look at.
#include "game/addresses.h"
#include "game/call.h"
#include "host/host_api.h"

#include <bit>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <windows.h>

extern "C" {

// Where the game keeps them: the immediates, the index of its thread-local block, the console and the call of WinMain.
asm(R"(
    .section .heaps,"wd"
    .org 0xEA0, 0xCC
    .long 0x0C800000
    .org 0xF89, 0xCC
    .long 0x04000000
    .section .tlsidx,"wd"
    .org 0xD98, 0
    .long 0
    .section .console,"xr"
    .org 0x160, 0xCC
    jmp _host_game_console
    .org 0x20A0, 0xCC
    jmp _host_game_console_print
    .section .crtcall,"xr"
    .globl _host_game_call_win_main
    .org 0x460, 0xCC
_host_game_call_win_main:
    pushl $10
    pushl $0
    pushl $0
    .org 0x469, 0x90
    pushl $0
    call _host_game_win_main@16
    ret
    .text
)");

void host_game_call_win_main();
extern DWORD _tls_index;
int WINAPI host_game_win_main(HINSTANCE, HINSTANCE, LPSTR, int);

void* host_game_console(bool) {
    static int manager = 0;
    return &manager;
}

void MP_THISCALL host_game_console_print(void* manager, const char* format, va_list arguments) {
    std::printf("console %d ", manager == host_game_console(false));
    std::vprintf(format, arguments);
    std::printf("\n");
}
}

namespace {

using namespace mp;

int g_argument_count = 0;
char** g_arguments = nullptr;

/// Large enough that context 0x2B4 of the block lies inside, wherever the block's start is.
thread_local std::uint32_t t_block[0x400];

template <typename Function>
Function host(const char* name) {
    const HMODULE module = GetModuleHandleA("nvse_1_4.dll");
    return std::bit_cast<Function>(module == nullptr ? nullptr : GetProcAddress(module, name));
}

std::uint32_t current_context() {
    std::uintptr_t* blocks = nullptr;
    asm("movl %%fs:0x2C, %0" : "=r"(blocks));
    return *reinterpret_cast<std::uint32_t*>(blocks[_tls_index] + game::kTlsContextOffset);
}

void print_plugins() {
    const auto count = host<host::HostPluginCount>(host::kHostPluginCount);
    const auto at = host<host::HostPluginAt>(host::kHostPluginAt);
    host::HostPlugin plugin{};
    for (std::uint32_t i = 0; count != nullptr && i < count(); ++i) {
        at(i, &plugin);
        std::printf("plugin %s %u %s\n", plugin.name, plugin.version, plugin.file);
    }
}

void run_line(const char* line) {
    double result = -1;
    const bool done = host<host::HostRunCommand>(host::kHostRunCommand)(line, &result);
    std::printf("run %s %d %g\n", line, done, result);
}

void eval_condition(const char* name) {
    double result = -1;
    const bool done = host<host::HostEvalCondition>(host::kHostEvalCondition)(name, &result);
    std::printf("eval %s %d %g\n", name, done, result);
}

void act(const char* argument) {
    if (std::strcmp(argument, "plugins") == 0) {
        print_plugins();
    } else if (std::strcmp(argument, "loop") == 0) {
        host<host::HostMainLoop>(host::kHostMainLoop)();
    } else if (std::strncmp(argument, "message=", 8) == 0) {
        host<host::HostMessage>(host::kHostMessage)(static_cast<std::uint32_t>(std::atoi(argument + 8)), nullptr, 0,
                                                    nullptr);
    } else if (std::strncmp(argument, "run=", 4) == 0) {
        run_line(argument + 4);
    } else if (std::strncmp(argument, "eval=", 5) == 0) {
        eval_condition(argument + 5);
    } else if (std::strncmp(argument, "module=", 7) == 0) {
        std::printf("module %s %d\n", argument + 7, GetModuleHandleA(argument + 7) != nullptr);
    }
}

}  // namespace

int WINAPI host_game_win_main(HINSTANCE, HINSTANCE, LPSTR, int show) {
    std::printf("winmain %d\n", show);
    std::printf("default heap %u\n", *game::at<std::uint32_t>(game::data::kDefaultHeapReserve));
    std::printf("file heap %u\n", *game::at<std::uint32_t>(game::data::kFileHeapReserve));
    std::printf("context %u\n", current_context());
    for (int i = 1; i < g_argument_count; ++i) {
        act(g_arguments[i]);
    }
    return 7;
}

int main(int argc, char** argv) {
    g_argument_count = argc;
    g_arguments = argv;
    t_block[0] = 1;  // the block must exist
    *game::at<DWORD>(game::data::kTlsIndex) = _tls_index;
    LoadLibraryA("nvse_steam_loader.dll");
    // The start-up code of a game calls both.
    FILETIME time{};
    GetSystemTimeAsFileTime(&time);
    STARTUPINFOA info{};
    GetStartupInfoA(&info);
    host_game_call_win_main();
    std::printf("end\n");
    return 0;
}
