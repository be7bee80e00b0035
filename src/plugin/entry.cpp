// The DLL's entry points (names fixed by MemoryPoolNVSE.def). Everything they do is in extender.cpp.
#include <windows.h>

#include "plugin/extender.h"

extern "C" {

bool NVSEPlugin_Preload() {
    return mp::plugin::on_preload();
}

bool NVSEPlugin_Query(const mp::nvse::Interface* extender, mp::nvse::PluginInfo* info) {
    return mp::plugin::on_query(extender, info);
}

bool NVSEPlugin_Load(const mp::nvse::Interface* extender) {
    return mp::plugin::on_load(extender);
}

/// Thread ends hand caches on; a process end restores the game's code. A plain FreeLibrary needs nothing: a module
/// with hooks in place is pinned and is never unloaded.
BOOL WINAPI DllMain(HINSTANCE /*module*/, DWORD reason, void* process_ends) {
    if (reason == DLL_THREAD_DETACH) {
        mp::plugin::on_thread_end();
    }
    if (reason == DLL_PROCESS_DETACH && process_ends != nullptr) {
        mp::plugin::on_process_end();
    }
    return TRUE;
}

}  // extern "C"
