// A library that calls a function when a thread ends. Built twice: the system tells the library that was loaded last
// of a thread's end first, so the order of the two is the test's to choose.
#include <windows.h>

namespace {

void (*g_run)() = nullptr;

}  // namespace

extern "C" {

/// nullptr: none. Before the threads that it is for.
__declspec(dllexport) void call_at_thread_end(void (*run)()) {
    g_run = run;
}

BOOL WINAPI DllMain(HINSTANCE /*module*/, DWORD reason, void* /*reserved*/) {
    if (reason == DLL_THREAD_DETACH && g_run != nullptr) {
        g_run();
    }
    return TRUE;
}
}
