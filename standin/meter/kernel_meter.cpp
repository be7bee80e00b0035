#include "meter/kernel_meter.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <windows.h>

namespace mp::meter {
namespace {

enum Kind : std::size_t { kAllocate, kFree, kProtect, kKinds };
constexpr std::size_t kBySystem = kKinds;  ///< one more count, beside the kinds
constexpr std::size_t kCounts = kKinds + 1;

struct ThreadCount {
    std::array<std::uint32_t, kCounts> calls;
    std::uint32_t paused;
    std::uint32_t own_memory;
};

constexpr std::size_t kThreads = 512;
constexpr std::size_t kStub = 5;  ///< mov eax, imm32
constexpr std::uint8_t kMovEax = 0xB8;
constexpr std::uint8_t kJump = 0xE9;

std::array<ThreadCount, kThreads> g_threads;
std::atomic<std::uint32_t> g_thread_count{0};
std::array<std::atomic<std::uint64_t>, kCounts> g_total;
std::uintptr_t g_ntdll_begin = 0;
std::uintptr_t g_ntdll_size = 0;
DWORD g_slot = TLS_OUT_OF_INDEXES;
std::uint8_t* g_trampolines = nullptr;
std::array<std::uint8_t*, kKinds> g_entries;
std::atomic<bool> g_stopped{false};

SRWLOCK g_lock = SRWLOCK_INIT;  ///< of the map
constinit PageMap g_map;        ///< static, so that it is no memory that it would have to count

class Lock {
public:
    Lock() { AcquireSRWLockExclusive(&g_lock); }
    ~Lock() { ReleaseSRWLockExclusive(&g_lock); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
};

constexpr DWORD kDirectSlots = 64;            ///< thread-local slots that lie in the thread's own block
constexpr std::uintptr_t kSlotArray = 0xE10;  ///< their place in it

/// Without a call into the system, which might need memory itself.
ThreadCount* slot_value() {
    ThreadCount* value = nullptr;
    asm volatile("movl %%fs:(%1), %0" : "=r"(value) : "r"(kSlotArray + 4 * g_slot));
    return value;
}

void set_slot_value(ThreadCount* value) {
    asm volatile("movl %0, %%fs:(%1)" : : "r"(value), "r"(kSlotArray + 4 * g_slot) : "memory");
}

/// The calling thread's record. Threads beyond the table share its last record, and so do all before the installation;
/// totals stay exact.
ThreadCount& own_count() {
    if (g_slot >= kDirectSlots) {
        return g_threads[kThreads - 1];
    }
    ThreadCount* count = slot_value();
    if (count == nullptr) {
        const std::uint32_t index = g_thread_count.fetch_add(1);
        count = &g_threads[index < kThreads ? index : kThreads - 1];
        set_slot_value(count);
    }
    return *count;
}

void raise(ThreadCount& own, std::size_t index) {
    ++own.calls[index];
    g_total[index].fetch_add(1, std::memory_order_relaxed);
}

bool is_measured(HANDLE process) {
    return process == GetCurrentProcess() && !g_stopped.load(std::memory_order_relaxed);
}

void note(Kind kind, const void* caller) {
    ThreadCount& own = own_count();
    if (own.paused != 0) {
        return;
    }
    raise(own, kind);
    if (reinterpret_cast<std::uintptr_t>(caller) - g_ntdll_begin < g_ntdll_size) {
        raise(own, kBySystem);
    }
}

void note_memory(std::uintptr_t base, SIZE_T size, bool reserves, bool commits) {
    const Lock lock;
    if (reserves) {
        g_map.reserve(base, size, own_count().own_memory != 0 ? Owner::harness : Owner::measured);
    }
    if (commits) {
        g_map.commit(base, size);
    }
}

using AllocateFn = LONG(NTAPI*)(HANDLE, void**, ULONG_PTR, SIZE_T*, ULONG, ULONG);
using FreeFn = LONG(NTAPI*)(HANDLE, void**, SIZE_T*, ULONG);
using ProtectFn = LONG(NTAPI*)(HANDLE, void**, SIZE_T*, ULONG, ULONG*);

template <typename Function>
Function original(Kind kind) {
    return std::bit_cast<Function>(g_trampolines + kind * 2 * kStub);
}

LONG NTAPI on_allocate(HANDLE process, void** base, ULONG_PTR zero_bits, SIZE_T* size, ULONG type, ULONG protection) {
    const auto call = original<AllocateFn>(kAllocate);
    if (!is_measured(process)) {
        return call(process, base, zero_bits, size, type, protection);
    }
    note(kAllocate, __builtin_return_address(0));
    const bool anywhere = base != nullptr && *base == nullptr;  // then a commitment reserves as well
    const LONG status = call(process, base, zero_bits, size, type, protection);
    const bool commits = (type & MEM_COMMIT) != 0;
    if (status >= 0) {
        note_memory(reinterpret_cast<std::uintptr_t>(*base), *size, (type & MEM_RESERVE) != 0 || (commits && anywhere),
                    commits);
    }
    return status;
}

/// Wine gives size 0 back when a whole reservation was decommitted; then it is one region.
SIZE_T decommitted_size(const void* base, SIZE_T told) {
    MEMORY_BASIC_INFORMATION region{};
    if (told == 0 && VirtualQuery(base, &region, sizeof region) == sizeof region) {
        return region.RegionSize;
    }
    return told;
}

/// Under the lock: between a release and its entry in the map nobody else may be seen to reserve the same place.
LONG NTAPI on_free(HANDLE process, void** base, SIZE_T* size, ULONG type) {
    const auto call = original<FreeFn>(kFree);
    if (!is_measured(process)) {
        return call(process, base, size, type);
    }
    note(kFree, __builtin_return_address(0));
    const Lock lock;
    const LONG status = call(process, base, size, type);
    if (status >= 0 && (type & MEM_RELEASE) != 0) {
        g_map.release(reinterpret_cast<std::uintptr_t>(*base), *size);
    } else if (status >= 0) {
        g_map.decommit(reinterpret_cast<std::uintptr_t>(*base), decommitted_size(*base, *size));
    }
    return status;
}

LONG NTAPI on_protect(HANDLE process, void** base, SIZE_T* size, ULONG protection, ULONG* old) {
    if (is_measured(process)) {
        note(kProtect, __builtin_return_address(0));
    }
    return original<ProtectFn>(kProtect)(process, base, size, protection, old);
}

void write_jump(std::uint8_t* code, std::uintptr_t at, std::uintptr_t target) {
    const auto displacement = static_cast<std::uint32_t>(target - (at + kStub));
    code[0] = kJump;
    std::memcpy(code + 1, &displacement, sizeof displacement);
}

void find_extent(HMODULE module) {
    g_ntdll_begin = reinterpret_cast<std::uintptr_t>(module);
    const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(g_ntdll_begin);
    const auto* nt =
        reinterpret_cast<const IMAGE_NT_HEADERS*>(g_ntdll_begin + static_cast<std::uintptr_t>(dos->e_lfanew));
    g_ntdll_size = nt->OptionalHeader.SizeOfImage;
}

bool find_entries() {
    constexpr std::array<const char*, kKinds> kNames{"NtAllocateVirtualMemory", "NtFreeVirtualMemory",
                                                     "NtProtectVirtualMemory"};
    const HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    find_extent(ntdll);
    for (std::size_t i = 0; i < kKinds; ++i) {
        g_entries[i] = std::bit_cast<std::uint8_t*>(GetProcAddress(ntdll, kNames[i]));
        if (g_entries[i] == nullptr || g_entries[i][0] != kMovEax) {
            return false;
        }
    }
    return true;
}

/// The stub's first instruction, then a jump behind it: the instruction does not depend on its place.
bool make_trampolines() {
    void* page = VirtualAlloc(nullptr, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (page == nullptr) {
        return false;
    }
    g_trampolines = static_cast<std::uint8_t*>(page);
    for (std::size_t i = 0; i < kKinds; ++i) {
        std::uint8_t* code = g_trampolines + i * 2 * kStub;
        std::memcpy(code, g_entries[i], kStub);
        write_jump(code + kStub, reinterpret_cast<std::uintptr_t>(code + kStub),
                   reinterpret_cast<std::uintptr_t>(g_entries[i] + kStub));
    }
    DWORD old = 0;
    return VirtualProtect(page, 4096, PAGE_EXECUTE_READ, &old) != FALSE;
}

/// One of the entries is that of the protection call itself: the five bytes are whole before the second call.
bool overwrite(std::uint8_t* entry, const std::uint8_t* bytes) {
    DWORD old = 0;
    if (VirtualProtect(entry, kStub, PAGE_EXECUTE_READWRITE, &old) == FALSE) {
        return false;
    }
    std::memcpy(entry, bytes, kStub);
    VirtualProtect(entry, kStub, old, &old);
    FlushInstructionCache(GetCurrentProcess(), entry, kStub);
    return true;
}

bool detour(Kind kind, const void* replacement) {
    std::array<std::uint8_t, kStub> jump{};
    write_jump(jump.data(), reinterpret_cast<std::uintptr_t>(g_entries[kind]),
               reinterpret_cast<std::uintptr_t>(replacement));
    return overwrite(g_entries[kind], jump.data());
}

bool detour_all() {
    return detour(kAllocate, reinterpret_cast<const void*>(&on_allocate)) &&
           detour(kFree, reinterpret_cast<const void*>(&on_free)) &&
           detour(kProtect, reinterpret_cast<const void*>(&on_protect));
}

}  // namespace

bool install(const char** reason) {
    g_slot = TlsAlloc();
    if (g_slot >= kDirectSlots) {
        *reason = "no direct thread-local slot";
        return false;
    }
    if (!find_entries()) {
        *reason = "the entries of ntdll.dll do not start with mov eax, imm32";
        return false;
    }
    if (!make_trampolines()) {
        *reason = "no executable page for the trampolines";
        return false;
    }
    if (!detour_all()) {
        uninstall();
        *reason = "the entries of ntdll.dll cannot be written";
        return false;
    }
    return true;
}

void uninstall() {
    if (g_trampolines == nullptr) {
        return;
    }
    for (std::size_t i = 0; i < kKinds; ++i) {
        overwrite(g_entries[i], g_trampolines + i * 2 * kStub);
    }
}

KernelCalls all_threads() {
    return {g_total[kAllocate].load(), g_total[kFree].load(), g_total[kProtect].load(), g_total[kBySystem].load()};
}

KernelCalls this_thread() {
    const ThreadCount& own = own_count();
    return {own.calls[kAllocate], own.calls[kFree], own.calls[kProtect], own.calls[kBySystem]};
}

AddressSpace memory_now() {
    const Lock lock;
    return g_map.now();
}

AddressSpace memory_peak() {
    const Lock lock;
    return g_map.peak();
}

void begin_memory_peak() {
    const Lock lock;
    g_map.begin_peak();
}

void stop() {
    g_stopped.store(true, std::memory_order_relaxed);
}

Pause::Pause() {
    ++own_count().paused;
}

Pause::~Pause() {
    --own_count().paused;
}

OwnMemory::OwnMemory() {
    ++own_count().own_memory;
}

OwnMemory::~OwnMemory() {
    --own_count().own_memory;
}

}  // namespace mp::meter
