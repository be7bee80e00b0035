// nvse_steam_loader.dll: changes nothing but two import slots when it is loaded; the rest happens when the exe's
// start-up code calls one of them, after the exe is unpacked and outside the loader lock.
#include "host/loader/import_table.h"
#include "host/loader/install.h"

#include <windows.h>

namespace {

void(WINAPI* g_get_system_time)(LPFILETIME) = &GetSystemTimeAsFileTime;
void(WINAPI* g_get_startup_info)(LPSTARTUPINFOA) = &GetStartupInfoA;

void WINAPI hooked_get_system_time(LPFILETIME time) {
    mp::host::install_once();
    g_get_system_time(time);
}

void WINAPI hooked_get_startup_info(LPSTARTUPINFOA info) {
    mp::host::install_once();
    g_get_startup_info(info);
}

template <typename Function>
void hook(const char* name, Function replacement, Function* original) {
    if (void* old = mp::host::replace_import("kernel32.dll", name, reinterpret_cast<void*>(replacement))) {
        *original = reinterpret_cast<Function>(old);
    }
}

}  // namespace

extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        hook("GetSystemTimeAsFileTime", &hooked_get_system_time, &g_get_system_time);
        hook("GetStartupInfoA", &hooked_get_startup_info, &g_get_startup_info);
    }
    return TRUE;
}
