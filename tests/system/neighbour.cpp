// A plugin that stands in our way, as <its own name>.ini beside it says. [Neighbour]
//   Refuse = suspend   our calls of SuspendThread fail; a thread of the neighbour's computes for ever
//   Refuse = protect   our calls of VirtualProtect fail, but for the first `After` of them
//   Native = 0         with it: the call below VirtualProtect is not found
//   Refuse = any       of our calls of the system and of Microsoft's C library that can fail, the one with the number
//                      `Call`, counted from `Phase` on (preload | load | late | play | exit), does; and all after it
//                      unless `Once` = 1. At the process's end it looks (see Look) and writes "calls N, refused NAME"
//                      to refused.txt
//   Look = 1           writes "code pages not executable N, writable and executable N" to neighbour.txt
//   Unload = 1         gives up our DLL as often as it takes to unload it, or a hundred times, when it is loaded itself
//   Threads = N        begins and ends N threads, each of which uses every door of the game's heaps, and N more; writes
//                      "committed KB more N" of the second half to neighbour.txt
//   Exit = thread          ends the process on a thread of its own, while the main thread waits for ever
//   Exit = terminate       with TerminateProcess
//   Exit = crash           a thread of its own reads where nothing is
//   Exit = stuck           in order, while a thread stands still inside our DLL
//   Exit = detach          uses every door when it is told of the process's end, after us when it was loaded before us;
//                          writes "detached" to neighbour.txt
// Refuse, Native and Look in Preload; Unload in Load, Threads and Exit with the first frame. It refuses by the import
// table of our DLL, which it loads before the extender does.
#include <windows.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "game/call.h"
#include "game/functions.h"
#include "game/nvse_abi.h"
#include "import_table.h"
#include "os/os.h"
#include "plugin_settings.h"
#include "refused_calls.h"

namespace {

using namespace mp;
using tests::at;
using tests::exchange_import;
using tests::headers_of;

constexpr const char* kOurs = "MemoryPoolNVSE.dll";
constexpr DWORD kNotGranted = ERROR_ACCESS_DENIED;

tests::PluginSettings g_settings("Neighbour");
volatile long g_computed = 0;
long g_calls_left = 0;

DWORD WINAPI compute(void* /*context*/) {
    while (true) {
        g_computed = g_computed + 1;
    }
}

DWORD WINAPI refuse_suspend(HANDLE /*thread*/) {
    SetLastError(kNotGranted);
    return static_cast<DWORD>(-1);
}

BOOL WINAPI refuse_protect(void* address, SIZE_T size, DWORD wanted, DWORD* old) {
    if (g_calls_left > 0) {
        --g_calls_left;
        return VirtualProtect(address, size, wanted, old);
    }
    SetLastError(kNotGranted);
    return FALSE;
}

FARPROC WINAPI find_all_but_native(HMODULE module, const char* name) {
    return std::strcmp(name, "NtProtectVirtualMemory") == 0 ? nullptr : GetProcAddress(module, name);
}

HMODULE load_ours() {
    return LoadLibraryA((g_settings.folder() + kOurs).c_str());
}

void stand_in_the_way() {
    const std::string what = g_settings.text("Refuse");
    if (what == "suspend") {
        CreateThread(nullptr, 0, &compute, nullptr, 0, nullptr);
        while (g_computed == 0) {
            Sleep(1);
        }
        exchange_import(load_ours(), "SuspendThread", reinterpret_cast<std::uintptr_t>(&refuse_suspend));
    } else if (what == "protect") {
        g_calls_left = static_cast<long>(g_settings.number("After"));
        exchange_import(load_ours(), "VirtualProtect", reinterpret_cast<std::uintptr_t>(&refuse_protect));
        if (g_settings.number("Native", 1) == 0) {
            exchange_import(load_ours(), "GetProcAddress", reinterpret_cast<std::uintptr_t>(&find_all_but_native));
        }
    } else if (what == "any") {
        const HMODULE ours = load_ours();
        for (const tests::refused_calls::Call& call : tests::refused_calls::calls()) {
            exchange_import(ours, call.name, call.replacement);
        }
    }
}

/// From here on one of our calls is refused, when the settings say this phase.
void begin_phase(const char* phase) {
    if (g_settings.text("Phase") == phase) {
        tests::refused_calls::start(g_settings.number("Call"), g_settings.number("Once") != 0);
    }
}

/// The pages of the game's code, counted: not executable, writable and executable.
void look() {
    constexpr DWORD kExecutable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    constexpr DWORD kBoth = PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    constexpr DWORD kPage = 4096;
    const HMODULE game = GetModuleHandleA(nullptr);
    const auto* section = IMAGE_FIRST_SECTION(headers_of(game));
    unsigned without = 0;
    unsigned both = 0;
    for (int i = 0; i < headers_of(game)->FileHeader.NumberOfSections; ++i, ++section) {
        if ((section->Characteristics & IMAGE_SCN_MEM_EXECUTE) == 0) {
            continue;
        }
        for (DWORD offset = 0; offset < section->Misc.VirtualSize; offset += kPage) {
            MEMORY_BASIC_INFORMATION page{};
            VirtualQuery(at<void>(game, section->VirtualAddress + offset), &page, sizeof page);
            without += (page.Protect & kExecutable) == 0 ? 1U : 0U;
            both += (page.Protect & kBoth) != 0 ? 1U : 0U;
        }
    }
    if (std::FILE* out = std::fopen("neighbour.txt", "w"); out != nullptr) {
        std::fprintf(out, "code pages not executable %u, writable and executable %u\n", without, both);
        std::fclose(out);
    }
}

void unload_ours() {
    for (int i = 0; i < 100 && GetModuleHandleA(kOurs) != nullptr; ++i) {
        FreeLibrary(GetModuleHandleA(kOurs));
    }
}

DWORD WINAPI use_every_door(void* /*context*/) {
    auto* const manager = game::at<game::MemoryManager>(game::data::kMemoryManager);
    for (const std::uint32_t size : {24U, 600U, 5000U, 100'000U}) {
        game::fn::kFree(manager, game::fn::kAllocate(manager, size));
        game::fn::kCrtFree(game::fn::kCrtMalloc(size));
        game::ScrapHeap* const scrap = game::fn::kThreadScrapHeap(manager);
        game::fn::kScrapFree(scrap, game::fn::kScrapAllocate(scrap, size, 4U));
    }
    return 0;
}

bool begin_and_end_threads(UINT count) {
    for (UINT i = 0; i < count; ++i) {
        const HANDLE thread = CreateThread(nullptr, 0x10000, &use_every_door, nullptr, 0, nullptr);
        if (thread == nullptr) {
            return false;
        }
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
    }
    return true;
}

long committed_kb() {
    os::AddressSpace space;
    os::measure_address_space(&space);
    return static_cast<long>(space.committed >> 10);
}

void see_what_threads_leave(UINT count) {
    bool done = begin_and_end_threads(count);
    const long before = committed_kb();
    done = begin_and_end_threads(count) && done;
    if (std::FILE* out = std::fopen("neighbour.txt", "w"); out != nullptr && done) {
        std::fprintf(out, "committed KB more %ld\n", committed_kb() - before);
        std::fclose(out);
    }
}

// --- how the process ends --------------------------------------------------------------------------------------------

constexpr UINT kTerminated = 9;

bool ends_by(const char* how) {
    return g_settings.text("Exit") == how;
}

DWORD WINAPI exit_process(void* /*context*/) {
    ExitProcess(0);
}

DWORD WINAPI read_nothing(void* /*context*/) {
    return *static_cast<volatile DWORD*>(nullptr);
}

DWORD WINAPI use_doors_for_ever(void* begun) {
    SetEvent(begun);
    while (true) {
        use_every_door(nullptr);
    }
}

/// Stops a thread at an instruction of our DLL, though not where it begins: our DllMain is called with the loader's
/// lock held, and a process cannot end without that.
void leave_one_inside() {
    const HMODULE ours = GetModuleHandleA(kOurs);
    const DWORD size = headers_of(ours)->OptionalHeader.SizeOfImage;
    const HANDLE begun = CreateEventA(nullptr, FALSE, FALSE, nullptr);
    const HANDLE thread = CreateThread(nullptr, 0, &use_doors_for_ever, begun, 0, nullptr);
    WaitForSingleObject(begun, INFINITE);
    CONTEXT context{};
    context.ContextFlags = CONTEXT_CONTROL;
    SuspendThread(thread);
    while (GetThreadContext(thread, &context) == 0 || context.Eip - reinterpret_cast<std::uintptr_t>(ours) >= size) {
        ResumeThread(thread);
        Sleep(1);
        SuspendThread(thread);
    }
}

void end_process() {
    if (ends_by("thread") || ends_by("crash")) {
        CreateThread(nullptr, 0, ends_by("thread") ? &exit_process : &read_nothing, nullptr, 0, nullptr);
        Sleep(INFINITE);
    }
    if (ends_by("terminate")) {
        TerminateProcess(GetCurrentProcess(), kTerminated);
    }
    if (ends_by("stuck")) {
        leave_one_inside();
        ExitProcess(0);
    }
}

void use_doors_after_us() {
    use_every_door(nullptr);
    if (std::FILE* out = std::fopen("neighbour.txt", "w"); out != nullptr) {
        std::fprintf(out, "detached\n");
        std::fclose(out);
    }
}

void on_message(nvse::Message* message) {
    static bool done = false;
    if (message->type == nvse::kMessageDeferredInit) {
        begin_phase("late");
    } else if (message->type == nvse::kMessageExitGame) {
        begin_phase("exit");
    } else if (message->type == nvse::kMessageMainGameLoop && !done) {
        done = true;
        begin_phase("play");
        if (const UINT count = g_settings.number("Threads"); count != 0) {
            see_what_threads_leave(count);
        }
        end_process();
    }
}

}  // namespace

extern "C" {

bool NVSEPlugin_Preload() {
    stand_in_the_way();
    begin_phase("preload");
    if (g_settings.number("Look") != 0) {
        look();
    }
    return true;
}

bool NVSEPlugin_Query(const nvse::Interface* /*nvse*/, nvse::PluginInfo* info) {
    *info = {nvse::PluginInfo::kInfoVersion, "neighbour", 1};
    return true;
}

bool NVSEPlugin_Load(const nvse::Interface* nvse) {
    if (g_settings.number("Unload") != 0) {
        unload_ours();
    }
    begin_phase("load");
    tests::listen(nvse, &on_message);
    return true;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void* process_ends) {
    if (reason == DLL_PROCESS_DETACH && process_ends != nullptr) {
        if (ends_by("detach")) {
            use_doors_after_us();
        }
        if (!g_settings.text("Phase").empty()) {
            look();
            tests::refused_calls::write("refused.txt");
        }
    }
    if (reason == DLL_PROCESS_ATTACH) {
        g_settings.lie_beside(module);
    }
    return TRUE;
}
}
