#include "app/baseline.h"

#include <windows.h>

namespace {

constinit mp::meter::AddressSpace g_at_start;

/// Runs before the PE entry: no C runtime yet, only the operating system.
void NTAPI measure_at_start(PVOID, DWORD reason, PVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        g_at_start = mp::meter::measure();
    }
}

}  // namespace

extern "C" {
[[gnu::section(".CRT$XLB"), gnu::used]] const PIMAGE_TLS_CALLBACK mp_baseline_callback = &measure_at_start;
}

namespace mp::app {

meter::AddressSpace address_space_at_start() {
    return g_at_start;
}

}  // namespace mp::app
