// A plugin that misuses memory, as culprit.ini beside it says. [Culprit]
//   Kind = some of the names in kDeeds
//
//   When = load | loop: when every plugin is loaded, or with the first frame of the main loop
//
//   Thread = main | own | ai | io: the game's main thread, one of the plugin's, or the game's first to sleep of the
//   name
//
//   Times = N: how often each is tried
//
// What is misused was made by `make` and ended by `end`: "NAME OFFSET" of each function goes to culprit.txt first.
#include <windows.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>

#include "game/call.h"
#include "game/functions.h"
#include "game/nvse_abi.h"
#include "import_table.h"
#include "os/compiler.h"
#include "plugin_settings.h"

namespace {

using namespace mp;

constexpr std::uint32_t kSize = 1112;  // of which the game has hardly a block

tests::PluginSettings g_settings("Culprit");
HMODULE g_module = nullptr;
volatile std::uint8_t g_read = 0;
std::string g_thread;  // who misuses

game::MemoryManager* manager() {
    return game::at<game::MemoryManager>(game::data::kMemoryManager);
}

// Each ends with something after its call: the call must not be the last instruction.
MP_NOINLINE volatile std::uint8_t* make() {
    auto* block = static_cast<volatile std::uint8_t*>(game::fn::kAllocate(manager(), kSize));
    block[0] = 1;
    return block;
}

MP_NOINLINE void end(volatile std::uint8_t* block) {
    game::fn::kFree(manager(), const_cast<std::uint8_t*>(block));
    g_read = 0;
}

MP_NOINLINE void overrun() {
    volatile std::uint8_t* block = make();
    block[kSize] = 1;
    end(block);
}

/// As many bytes as the settings say.
MP_NOINLINE void write_behind_end_of(volatile std::uint8_t* block) {
    const UINT bytes = g_settings.number("Bytes", 1);
    for (UINT i = 0; i < bytes; ++i) {
        block[kSize + i] = 0x41;
    }
}

/// Never freed.
MP_NOINLINE void write_behind() {
    write_behind_end_of(make());
    g_read = 0;
}

MP_NOINLINE void write_behind_and_end() {
    volatile std::uint8_t* block = make();
    write_behind_end_of(block);
    end(block);
}

MP_NOINLINE void write_behind_and_resize() {
    auto* block = static_cast<std::uint8_t*>(game::fn::kCrtMalloc(kSize));
    block[kSize] = 0x41;
    game::fn::kCrtFree(game::fn::kCrtRealloc(block, 2 * kSize));
    g_read = 0;
}

MP_NOINLINE void read_behind() {
    volatile std::uint8_t* block = make();
    g_read = block[kSize + 20];
    end(block);
}

MP_NOINLINE void underrun() {
    volatile std::uint8_t* block = make();
    block[-1] = 1;
}

MP_NOINLINE void use_after_free() {
    volatile std::uint8_t* block = make();
    end(block);
    block[12] = 1;
}

MP_NOINLINE void double_free() {
    volatile std::uint8_t* block = make();
    end(block);
    game::fn::kFree(manager(), const_cast<std::uint8_t*>(block));
    g_read = 0;
}

MP_NOINLINE void free_inside() {
    volatile std::uint8_t* block = make();
    game::fn::kFree(manager(), const_cast<std::uint8_t*>(block) + 16);
    end(block);
}

MP_NOINLINE void other_door() {
    volatile std::uint8_t* block = make();
    game::fn::kCrtFree(const_cast<std::uint8_t*>(block));
    g_read = 0;
}

MP_NOINLINE void size_of_freed() {
    volatile std::uint8_t* block = make();
    end(block);
    game::fn::kCrtMsize(const_cast<std::uint8_t*>(block));
    g_read = 0;
}

MP_NOINLINE void resize_freed() {
    volatile std::uint8_t* block = make();
    end(block);
    game::fn::kCrtRealloc(const_cast<std::uint8_t*>(block), 2 * kSize);
    g_read = 0;
}

/// In the same pages, where no access faults.
MP_NOINLINE void beside() {
    volatile std::uint8_t* block = make();
    const bool at_end = (reinterpret_cast<std::uintptr_t>(block) & 0xFFF) != 0;
    block[at_end ? -1 : static_cast<int>(kSize)] = 1;
    end(block);
}

MP_NOINLINE void call_freed() {
    volatile std::uint8_t* block = make();
    end(block);
    reinterpret_cast<void (*)()>(reinterpret_cast<std::uintptr_t>(block))();
    g_read = 0;
}

/// The game's own code works on a freed block, as on a lock of its own.
MP_NOINLINE void by_game() {
    volatile std::uint8_t* block = make();
    end(block);
    game::fn::kSpinLockRelease(reinterpret_cast<game::SpinLock*>(const_cast<std::uint8_t*>(block)));
    g_read = 0;
}

/// Never freed: with every frame, when "leak" stands among the names.
MP_NOINLINE void leak() {
    make();
    g_read = 0;
}

struct Deed {
    const char* name;
    void (*run)();
};
constexpr Deed kDeeds[] = {
    {"overrun", &overrun},
    {"read_behind", &read_behind},
    {"underrun", &underrun},
    {"use_after_free", &use_after_free},
    {"double_free", &double_free},
    {"free_inside", &free_inside},
    {"other_door", &other_door},
    {"beside", &beside},
    {"call_freed", &call_freed},
    {"by_game", &by_game},
    {"size_of_freed", &size_of_freed},
    {"resize_freed", &resize_freed},
    {"write_behind_and_end", &write_behind_and_end},
    {"write_behind_and_resize", &write_behind_and_resize},
    {"write_behind", &write_behind},
};

void write_offsets() {
    std::FILE* out = std::fopen("culprit.txt", "w");
    if (out == nullptr) {
        return;
    }
    const auto write = [out](const char* name, std::uintptr_t function) {
        std::fprintf(out, "%s %u\n", name,
                     static_cast<unsigned>(function - reinterpret_cast<std::uintptr_t>(g_module)));
    };
    write("make", reinterpret_cast<std::uintptr_t>(&make));
    write("end", reinterpret_cast<std::uintptr_t>(&end));
    for (const Deed& deed : kDeeds) {
        write(deed.name, reinterpret_cast<std::uintptr_t>(deed.run));
    }
    std::fclose(out);
}

bool is_wanted(const std::string& kind) {
    static const std::string kinds = "," + g_settings.text("Kind") + ",";
    return kinds.find("," + kind + ",") != std::string::npos;
}

DWORD WINAPI misuse(void* /*context*/) {
    const UINT times = g_settings.number("Times", 1);
    for (const Deed& deed : kDeeds) {
        for (UINT i = 0; i < times && is_wanted(deed.name); ++i) {
            deed.run();
        }
    }
    return 0;
}

/// Whether the calling thread has the name that is wanted, in whatever letters.
bool is_wanted_thread() {
    using Describe = HRESULT(WINAPI*)(HANDLE, PWSTR*);
    static const auto describe =
        std::bit_cast<Describe>(GetProcAddress(GetModuleHandleA("kernelbase.dll"), "GetThreadDescription"));
    PWSTR name = nullptr;
    if (describe == nullptr || FAILED(describe(GetCurrentThread(), &name))) {
        return false;
    }
    const bool is_wanted = _wcsicmp(name, std::wstring(g_thread.begin(), g_thread.end()).c_str()) == 0;
    LocalFree(name);
    return is_wanted;
}

/// In place of the game's own call, as a plugin that has its hooks in what the game's threads run.
BOOL WINAPI misuse_and_sleep(CONDITION_VARIABLE* condition, SRWLOCK* lock, DWORD ms, ULONG flags) {
    static std::atomic<bool> done{false};
    if (is_wanted_thread() && !done.exchange(true)) {
        misuse(nullptr);
    }
    return SleepConditionVariableSRW(condition, lock, ms, flags);
}

void on_message(nvse::Message* message) {
    static bool done = false;
    for (int i = 0; message->type == nvse::kMessageMainGameLoop && i < 4 && is_wanted("leak"); ++i) {
        leak();
    }
    const bool at_load = g_settings.text("When", "load") == "load";
    if (message->type != (at_load ? nvse::kMessagePostLoad : nvse::kMessageMainGameLoop) || done) {
        return;
    }
    done = true;
    write_offsets();
    g_thread = g_settings.text("Thread", "main");
    if (g_thread == "main") {
        misuse(nullptr);
    } else if (g_thread == "own") {
        const HANDLE own = CreateThread(nullptr, 0, &misuse, nullptr, 0, nullptr);
        WaitForSingleObject(own, INFINITE);
        CloseHandle(own);
    } else {
        tests::exchange_import(GetModuleHandleA(nullptr), "SleepConditionVariableSRW",
                               reinterpret_cast<std::uintptr_t>(&misuse_and_sleep));
    }
}

}  // namespace

extern "C" {

bool NVSEPlugin_Query(const nvse::Interface* /*nvse*/, nvse::PluginInfo* info) {
    *info = {nvse::PluginInfo::kInfoVersion, "culprit", 1};
    return true;
}

bool NVSEPlugin_Load(const nvse::Interface* nvse) {
    tests::listen(nvse, &on_message);
    return true;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void* /*reserved*/) {
    if (reason == DLL_PROCESS_ATTACH) {
        g_module = module;
        g_settings.lie_beside(module);
    }
    return TRUE;
}
}
