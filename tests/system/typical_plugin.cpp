// A plugin that does to memory what plugins of the field do, in either place of the load order, and counts what went
// wrong on its way: it holds blocks of both heaps from its loading to the end of the process, measures and moves them,
// reads the memory manager as crash loggers do, listens to exceptions, stops all threads for a moment in each frame,
// and jumps from the front door into its own code. typical_plugin.ini beside it, [Typical]:
//   End = exit | detach     when its jump is taken away and its blocks are freed: when the game says that it exits, or
//                           when the process ends
//
// Writes "errors N, hooked calls N, faults N" to typical.txt then.
#include <windows.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "game/call.h"
#include "game/functions.h"
#include "game/layouts.h"
#include "game/nvse_abi.h"
#include "os/compiler.h"
#include "os/process.h"
#include "plugin_settings.h"

namespace {

using namespace mp;
using game::MemoryManager;

tests::PluginSettings g_settings("Typical");
std::atomic<unsigned> g_errors{0};
std::atomic<unsigned> g_hooked_calls{0};
std::atomic<unsigned> g_faults{0};

MemoryManager* manager() {
    return game::at<MemoryManager>(game::data::kMemoryManager);
}

void expect(bool is_right) {
    g_errors += is_right ? 0 : 1;
}

// --- blocks that are held --------------------------------------------------------------------------------------------

struct Held {
    std::uint8_t* block = nullptr;
    std::uint32_t size = 0;
    bool is_crt = false;

    void fill() const { std::memset(block, static_cast<int>(size & 0xFF), size); }
    [[nodiscard]] bool is_whole(std::uint32_t bytes) const {
        for (std::uint32_t i = 0; i < bytes; ++i) {
            if (block[i] != (size & 0xFF)) {
                return false;
            }
        }
        return true;
    }
    void take(std::uint32_t bytes, bool crt) {
        void* fresh = crt ? game::fn::kCrtMalloc(bytes) : game::fn::kAllocate(manager(), bytes);
        *this = {static_cast<std::uint8_t*>(fresh), bytes, crt};
        fill();
    }
    void check() const {
        const std::uint32_t measured = is_crt ? game::fn::kCrtMsize(block) : game::fn::kSize(manager(), block);
        expect(measured >= size && is_whole(size));
    }
    void resize(std::uint32_t bytes) {
        const std::uint32_t kept = bytes < size ? bytes : size;
        void* moved = is_crt ? game::fn::kCrtRealloc(block, bytes) : game::fn::kReallocate2(manager(), block, bytes);
        block = static_cast<std::uint8_t*>(moved);
        expect(is_whole(kept));
        size = bytes;
        fill();
    }
    void release() {
        is_crt ? game::fn::kCrtFree(block) : game::fn::kFree(manager(), block);
        block = nullptr;
    }
};
std::array<Held, 48> g_held;

void take_all() {
    for (std::size_t i = 0; i < g_held.size(); ++i) {
        constexpr std::uint32_t kSizes[] = {1, 16, 40, 200, 1132, 5000, 70000, 600000};
        g_held[i].take(kSizes[i % std::size(kSizes)], i % 2 == 1);
    }
}

void work_on_all(unsigned frame) {
    for (std::size_t i = 0; i < g_held.size(); ++i) {
        g_held[i].check();
        if ((i + frame) % 7 == 0) {
            g_held[i].resize(g_held[i].size * (frame % 2 == 0 ? 3 : 1) / (frame % 2 == 0 ? 2 : 3) + 1);
        } else if ((i + frame) % 11 == 0) {
            const Held old = g_held[i];
            g_held[i].release();
            g_held[i].take(old.size, old.is_crt);
        }
    }
}

// --- as crash loggers do ---------------------------------------------------------------------------------------------

/// The Default heap alone: the Static one is of another kind.
void read_heaps() {
    const std::uint32_t address = manager()->heap_by_context[game::kDefaultContext];
    if (address != 0) {
        game::HeapStatistics statistics{};
        game::fn::kHeapStatistics(game::at<game::MemoryHeap>(address), &statistics, 0U);
        expect(statistics.end <= statistics.reserve);
    }
}

LONG CALLBACK count_fault(EXCEPTION_POINTERS* exception) {
    g_faults += exception->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION ? 1 : 0;
    return EXCEPTION_CONTINUE_SEARCH;
}

void stop_all_threads() {
    static os::SuspendedThreads threads;
    expect(threads.suspend() == os::SuspendedThreads::Result::all);
    threads.resume();
}

// --- a jump at the front door ----------------------------------------------------------------------------------------

constexpr std::size_t kJumpSize = 5;
constexpr std::uint8_t kJump = 0xE9;
using Door = void*(MP_FASTCALL*)(MemoryManager*, void*, std::uint32_t);

struct Hook {
    std::array<std::uint8_t, kJumpSize> before{};
    Door next = nullptr;
};
Hook g_hook;

void* MP_FASTCALL hooked(MemoryManager* self, void* unused, std::uint32_t size) {
    ++g_hooked_calls;
    return g_hook.next(self, unused, size);
}

std::uint8_t* door() {
    return game::at<std::uint8_t>(game::fn::kAllocate.va);
}

void write_door(const std::array<std::uint8_t, kJumpSize>& bytes) {
    DWORD old = 0;
    VirtualProtect(door(), bytes.size(), PAGE_EXECUTE_READWRITE, &old);
    std::memcpy(door(), bytes.data(), bytes.size());
    VirtualProtect(door(), bytes.size(), old, &old);
    FlushInstructionCache(GetCurrentProcess(), door(), bytes.size());
}

/// Only where somebody's jump leads on: the original's first instructions would have to be moved.
void hook_door() {
    if (*door() != kJump) {
        return;
    }
    std::memcpy(g_hook.before.data(), door(), kJumpSize);
    const auto place = reinterpret_cast<std::uintptr_t>(door()) + kJumpSize;
    std::int32_t distance = 0;
    std::memcpy(&distance, door() + 1, sizeof distance);
    g_hook.next = reinterpret_cast<Door>(place + static_cast<std::uintptr_t>(distance));
    const auto own = static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(&hooked) - place);
    std::array<std::uint8_t, kJumpSize> jump{kJump};
    std::memcpy(jump.data() + 1, &own, sizeof own);
    write_door(jump);
}

void unhook_door() {
    if (g_hook.next != nullptr) {
        write_door(g_hook.before);
    }
}

// --- the whole -------------------------------------------------------------------------------------------------------

void end() {
    for (Held& held : g_held) {
        held.check();
        held.release();
    }
    unhook_door();
    if (std::FILE* out = std::fopen("typical.txt", "w"); out != nullptr) {
        std::fprintf(out, "errors %u, hooked calls %u, faults %u\n", g_errors.load(), g_hooked_calls.load(),
                     g_faults.load());
        std::fclose(out);
    }
}

bool ends_at(const char* moment) {
    return g_settings.text("End") == moment;
}

void on_message(nvse::Message* message) {
    static unsigned frame = 0;
    if (message->type == nvse::kMessageMainGameLoop) {
        work_on_all(frame++);
        read_heaps();
        stop_all_threads();
    } else if (message->type == nvse::kMessageExitGame && ends_at("exit")) {
        end();
    }
}

}  // namespace

extern "C" {

bool NVSEPlugin_Query(const nvse::Interface* /*nvse*/, nvse::PluginInfo* info) {
    *info = {nvse::PluginInfo::kInfoVersion, "typical_plugin", 1};
    return true;
}

bool NVSEPlugin_Load(const nvse::Interface* nvse) {
    os::SuspendedThreads::prepare();
    AddVectoredExceptionHandler(1, &count_fault);
    take_all();
    hook_door();
    tests::listen(nvse, &on_message);
    return true;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void* process_ends) {
    if (reason == DLL_PROCESS_ATTACH) {
        g_settings.lie_beside(module);
    } else if (reason == DLL_PROCESS_DETACH && process_ends != nullptr && ends_at("detach")) {
        end();
    }
    return TRUE;
}
}
