#include "os/os.h"
#include "os/os_common.h"
#include "os/win32.h"

#include <windows.h>

namespace mp::os {
namespace {

static_assert(sizeof(SRWLOCK) == sizeof(void*), "ColdLock holds a slim lock");

using detail::must_fail;
using detail::round_up;

constinit thread_local std::uint32_t t_kernel_calls = 0;

void count_kernel_call() noexcept {
    ++t_kernel_calls;
}

bool is_wine() noexcept {
    const HMODULE system = GetModuleHandleA("ntdll.dll");
    return system != nullptr && GetProcAddress(system, "wine_get_version") != nullptr;
}

// Asked as the module starts: later the asker may hold a lock of ours, for which the loader's holder waits.
const bool g_is_wine = is_wine();

// The call that VirtualProtect itself makes. Somebody who stands before the one seldom stands before the other.
using NativeProtect = LONG(NTAPI*)(HANDLE process, void** address, SIZE_T* size, ULONG wanted, ULONG* before);
constinit NativeProtect g_native_protect = nullptr;

DWORD to_native(Protection protection) noexcept {
    switch (protection) {
    case Protection::read:
        return PAGE_READONLY;
    case Protection::read_write:
        return PAGE_READWRITE;
    case Protection::execute_read:
        return PAGE_EXECUTE_READ;
    case Protection::none:
        break;
    }
    return PAGE_NOACCESS;
}

constexpr DWORD kExecutable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
constexpr DWORD kWritable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
constexpr DWORD kReadable = PAGE_READONLY | PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READ |
                            PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;

void* map(void* address, std::size_t size, DWORD kind) noexcept {
    count_kernel_call();
    return VirtualAlloc(address, size, kind, PAGE_READWRITE);
}

}  // namespace

void* reserve(std::size_t size) noexcept {
    return reserve_at(nullptr, size);
}

void* reserve_at(void* address, std::size_t size) noexcept {
    const std::size_t rounded = round_up(size, kGranule);
    if (rounded < size || must_fail(Call::reserve)) {
        return nullptr;
    }
    return map(address, rounded, MEM_RESERVE);
}

void* reserve_commit(std::size_t size) noexcept {
    const std::size_t rounded = round_up(size, kGranule);
    if (rounded < size || must_fail(Call::reserve) || must_fail(Call::commit)) {
        return nullptr;
    }
    return map(nullptr, rounded, MEM_RESERVE | MEM_COMMIT);
}

bool commit(void* address, std::size_t size) noexcept {
    return !must_fail(Call::commit) && map(address, size, MEM_COMMIT) != nullptr;
}

bool decommit(void* address, std::size_t size) noexcept {
    if (must_fail(Call::decommit)) {
        return false;
    }
    count_kernel_call();
    return VirtualFree(address, size, MEM_DECOMMIT) != 0;
}

bool release(void* address, std::size_t /*size*/) noexcept {
    if (must_fail(Call::release)) {
        return false;
    }
    count_kernel_call();
    return VirtualFree(address, 0, MEM_RELEASE) != 0;
}

bool query(const void* address, RegionInfo* out) noexcept {
    MEMORY_BASIC_INFORMATION info{};
    if (VirtualQuery(address, &info, sizeof(info)) == 0) {
        return false;
    }
    *out = {};
    out->base = reinterpret_cast<std::uintptr_t>(info.BaseAddress);
    out->size = info.RegionSize;
    if (info.State == MEM_FREE) {
        return true;
    }
    out->state = info.State == MEM_COMMIT ? PageState::committed : PageState::reserved;
    out->allocation_base = reinterpret_cast<std::uintptr_t>(info.AllocationBase);
    out->image = info.Type == MEM_IMAGE;
    const bool usable = info.State == MEM_COMMIT && (info.Protect & (PAGE_GUARD | PAGE_NOACCESS)) == 0;
    out->executable = usable && (info.Protect & kExecutable) != 0;
    out->readable = usable && (info.Protect & kReadable) != 0;
    out->writable = usable && (info.Protect & kWritable) != 0;
    return true;
}

std::uint32_t tick_ms() noexcept {
    return GetTickCount();
}

bool page_map_overstates() noexcept {
    return g_is_wine;
}

bool measure_address_space(AddressSpace* out) noexcept {
    *out = {};
    MEMORY_BASIC_INFORMATION info{};
    for (std::uintptr_t at = kGranule; VirtualQuery(reinterpret_cast<void*>(at), &info, sizeof(info)) != 0;) {
        const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(info.BaseAddress) + info.RegionSize;
        if (info.State == MEM_FREE) {
            // What does not fill a granule cannot be reserved; behind the last whole one the rounding starts over at 0.
            const std::uintptr_t begin = round_up(at, kGranule);
            out->add_hole(begin >= at && end > begin ? (end - begin) & ~(kGranule - 1) : 0);
        } else {
            out->reserved += info.RegionSize;
            out->committed += info.State == MEM_COMMIT ? info.RegionSize : 0;
        }
        if (end <= at) {
            break;
        }
        at = end;
    }
    return out->free != 0;
}

bool protect(void* address, std::size_t size, Protection protection, OldProtection* old) noexcept {
    if (must_fail(Call::protect)) {
        return false;
    }
    DWORD before = 0;
    if (VirtualProtect(address, size, to_native(protection), &before) == 0) {
        return false;
    }
    if (old != nullptr) {
        *old = before;
    }
    return true;
}

bool restore_protection(void* address, std::size_t size, OldProtection old) noexcept {
    if (must_fail(Call::protect)) {
        return false;
    }
    DWORD before = 0;
    if (VirtualProtect(address, size, old, &before) != 0) {
        return true;
    }
    SIZE_T bytes = size;
    ULONG native_before = 0;
    return g_native_protect != nullptr &&
           g_native_protect(GetCurrentProcess(), &address, &bytes, old, &native_before) >= 0;
}

void prepare_restore_protection() noexcept {
    if (const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll")) {
        g_native_protect = detail::find_function<NativeProtect>(ntdll, "NtProtectVirtualMemory");
    }
}

void flush_instruction_cache(const void* address, std::size_t size) noexcept {
    if (!must_fail(Call::flush)) {
        FlushInstructionCache(GetCurrentProcess(), address, size);
    }
}

std::uint32_t kernel_calls_of_this_thread() noexcept {
    return t_kernel_calls;
}

std::uint32_t current_thread_id() noexcept {
    return GetCurrentThreadId();
}

void yield_thread() noexcept {
    SwitchToThread();
}

void sleep_ms(std::uint32_t milliseconds) noexcept {
    Sleep(milliseconds);
}

void ColdLock::wait() noexcept {
    AcquireSRWLockExclusive(reinterpret_cast<SRWLOCK*>(&word_));
}

bool ColdLock::take() noexcept {
    return TryAcquireSRWLockExclusive(reinterpret_cast<SRWLOCK*>(&word_)) != 0;
}

void ColdLock::give() noexcept {
    ReleaseSRWLockExclusive(reinterpret_cast<SRWLOCK*>(&word_));
}

void note_process_end() noexcept {
    detail::g_process_ends.store(true);
}

bool process_ends() noexcept {
    return detail::g_process_ends.load(std::memory_order_relaxed);
}

void set_fault_hook(FaultHook hook, void* context) noexcept {
    detail::g_hook.context.store(context, std::memory_order_relaxed);
    detail::g_hook.hook.store(hook, std::memory_order_release);
}

}  // namespace mp::os
