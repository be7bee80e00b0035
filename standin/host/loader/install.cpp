#include "host/loader/install.h"

#include "game/addresses.h"
#include "host/common/image.h"
#include "host/common/paths.h"
#include "host/common/settings.h"
#include "host/common/text_log.h"
#include "host/loader/identify_exe.h"
#include "host/loader/preload.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <windows.h>

namespace mp::host {
namespace {

TextLog g_log;
std::uintptr_t g_win_main = 0;  ///< the exe's own WinMain

using WinMainFn = int(WINAPI*)(HINSTANCE, HINSTANCE, LPSTR, int);

int WINAPI hooked_win_main(HINSTANCE instance, HINSTANCE previous, LPSTR command_line, int show) {
    const std::string path = current_directory() + "\\nvse_1_4.dll";
    if (LoadLibraryA(path.c_str()) == nullptr) {
        g_log.line("couldn't load {} (error {})", path, GetLastError());
    }
    return reinterpret_cast<WinMainFn>(g_win_main)(instance, previous, command_line, show);
}

bool redirect_win_main() {
    constexpr std::uint8_t kCall = 0xE8;
    constexpr std::uintptr_t site = game::code::kWinMainCall;
    if (!in_image(site, 5) || *reinterpret_cast<const std::uint8_t*>(site) != kCall) {
        return false;
    }
    std::uint32_t displacement = 0;
    std::memcpy(&displacement, reinterpret_cast<const void*>(site + 1), sizeof displacement);
    g_win_main = site + 5 + displacement;
    displacement = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&hooked_win_main) - (site + 5));
    return write_protected(site + 1, &displacement, sizeof displacement);
}

/// An immediate stays as it is unless the configuration names a size.
void write_heap_size(const char* key, std::uintptr_t immediate, std::uint32_t least, std::uint32_t most) {
    const std::string text = config_value("Memory", key);
    if (text.empty()) {
        return;
    }
    const auto wanted = static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
    const std::uint32_t bytes = std::clamp(wanted, least, most) << 20;
    if (in_image(immediate, sizeof bytes) && write_protected(immediate, &bytes, sizeof bytes)) {
        g_log.line("{} = {} MB", key, bytes >> 20);
    }
}

void install() {
    g_log.open("nvse_steam_loader.log");
    const ExeKind kind = identify_exe();
    if (kind != ExeKind::supported) {
        g_log.line("unsupported exe (version {:016X}{}): nothing is hooked", exe_file_version(),
                   kind == ExeKind::packed ? ", packed" : "");
        return;
    }
    if (!redirect_win_main()) {
        g_log.line("no call at {:08X}: nothing is hooked", game::code::kWinMainCall);
        return;
    }
    write_heap_size("DefaultHeapInitialAllocMB", game::data::kDefaultHeapReserve, 200, 1024);
    write_heap_size("FileHeapSizeMB", game::data::kFileHeapReserve, 64, 192);
    const Settings settings = read_settings();
    if (!settings.skip_preload && !settings.is_editor) {
        preload_plugins(settings, g_log);
    }
}

}  // namespace

void install_once() {
    static bool done = false;  // the start-up code has one thread
    if (!done) {
        done = true;
        install();
    }
}

}  // namespace mp::host
