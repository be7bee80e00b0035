#include "app/early_meter.h"

#include "meter/kernel_meter.h"

#include <windows.h>

namespace {

constinit const char* g_failure = "the process's first code did not run";

/// Runs before the PE entry, when thread-local storage is set up: no C runtime yet, only the operating system.
void NTAPI install_at_start(PVOID, DWORD reason, PVOID) {
    if (reason == DLL_PROCESS_ATTACH && mp::meter::install(&g_failure)) {
        g_failure = nullptr;
    }
}

}  // namespace

extern "C" {
[[gnu::section(".CRT$XLB"), gnu::used]] const PIMAGE_TLS_CALLBACK mp_early_meter_callback = &install_at_start;
}

namespace mp::app {

const char* meter_failure() {
    return g_failure;
}

}  // namespace mp::app
