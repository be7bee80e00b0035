// What all bodies share: the operating system through the game's import slots, the thread's TLS block, virtual calls.
#pragma once

#include <cstdint>
#include <cstring>

#include "bodies.h"
#include "engine_counters.h"
#include "game/addresses.h"
#include "game/call.h"
#include "map/addresses.h"
#include "map/import_slots.h"

namespace mp::standin {

using game::addr_of;
using game::at;

/// Offsets in the vtable of every heap (engine contract B.5).
namespace slot {
inline constexpr std::uint32_t kAllocate = 0x08;
inline constexpr std::uint32_t kFree = 0x0C;
inline constexpr std::uint32_t kContains = 0x10;
inline constexpr std::uint32_t kStatistics = 0x18;
inline constexpr std::uint32_t kSize = 0x24;
inline constexpr std::uint32_t kReserve = 0x30;
inline constexpr std::uint32_t kRelease = 0x34;
inline constexpr std::uint32_t kCommitTail = 0x38;
inline constexpr std::uint32_t kDecommitTail = 0x3C;
inline constexpr std::uint32_t kLoggerPrint = 0x14;  ///< of the logger's vtable (B.6)
}  // namespace slot

/// Memory contexts with a heap of their own (B.1).
namespace context {
inline constexpr std::uint32_t kNone = 0;
inline constexpr std::uint32_t kPools = 3;
inline constexpr std::uint32_t kSettings = 9;
inline constexpr std::uint32_t kFileBuffers = 23;
inline constexpr std::uint32_t kDefault = game::kDefaultContext;
}  // namespace context

inline game::MemoryManager& manager() {
    return *at<game::MemoryManager>(game::data::kMemoryManager);
}

/// Both pool tables, 256 entries each.
inline game::Ptr32* pool_by_size() {
    return at<game::Ptr32>(game::data::kPoolBySize);
}
inline game::Ptr32* pool_by_address() {
    return at<game::Ptr32>(game::data::kPoolByAddress);
}

/// Calls the virtual function at byte `offset` of the object's vtable.
template <typename Result, typename... Args>
Result call_virtual(void* object, std::uint32_t offset, Args... args) {
    const game::Ptr32 vtable = *static_cast<const game::Ptr32*>(object);
    return game::call_this<Result>(*at<const game::Ptr32>(vtable + offset), object, args...);
}

/// The operating system, through the game's import slots (engine contract 0).
namespace sys {
inline constexpr std::uint32_t kCommit = 0x1000;
inline constexpr std::uint32_t kReserve = 0x2000;
inline constexpr std::uint32_t kDecommit = 0x4000;
inline constexpr std::uint32_t kRelease = 0x8000;
inline constexpr std::uint32_t kReadWrite = 4;

template <typename Result, typename... Args>
Result call_slot(game::Addr import, Args... args) {
    using Function = Result(MP_STDCALL*)(Args...);
    return (*at<const Function>(import))(args...);
}
inline void* virtual_alloc(void* address, std::uint32_t bytes, std::uint32_t type) {
    return call_slot<void*>(game::import_slot::kVirtualAlloc, address, bytes, type, kReadWrite);
}
inline std::uint32_t virtual_free(void* address, std::uint32_t bytes, std::uint32_t type) {
    return call_slot<std::uint32_t>(game::import_slot::kVirtualFree, address, bytes, type);
}
inline void initialize(game::CriticalSection32& lock) {
    call_slot<void>(game::import_slot::kInitializeCriticalSection, &lock);
}
inline void destroy(game::CriticalSection32& lock) {
    call_slot<void>(game::import_slot::kDeleteCriticalSection, &lock);
}
inline void enter(game::CriticalSection32& lock) {
    call_slot<void>(game::import_slot::kEnterCriticalSection, &lock);
}
inline void leave(game::CriticalSection32& lock) {
    call_slot<void>(game::import_slot::kLeaveCriticalSection, &lock);
}
inline std::uint32_t current_thread() {
    return call_slot<std::uint32_t>(import_slot_of("GetCurrentThreadId"));
}
inline void sleep(std::uint32_t milliseconds) {
    call_slot<void>(import_slot_of("Sleep"), milliseconds);
}
}  // namespace sys

/// A byte address as the engine computes it.
inline std::uint8_t* byte_at(const void* base, std::uint32_t offset) {
    return at<std::uint8_t>(addr_of(base) + offset);
}

/// Start of the calling thread's TLS block of the game (B.1).
inline std::uint8_t* tls_block() {
    const std::uint8_t* const* array = nullptr;
    asm("movl %%fs:0x2C, %0" : "=r"(array));
    return byte_at(array[*at<const std::uint32_t>(game::data::kTlsIndex)], 0);
}
/// Memory context of the calling thread, 0 to 65.
inline std::uint32_t& thread_context() {
    return *at<std::uint32_t>(addr_of(tls_block()) + game::kTlsContextOffset);
}

/// Takes and releases the engine's spin lock through its functions.
inline void acquire(game::SpinLock& lock, const char* label) {
    fn::kSpinLockAcquire(&lock, label);
}
inline void release(game::SpinLock& lock) {
    fn::kSpinLockRelease(&lock);
}
/// The release that many functions carry inline (B.4).
inline void release_inline(game::SpinLock& lock) {
    if (--lock.depth == 0) {
        __atomic_store_n(&lock.owner_thread, 0U, __ATOMIC_RELEASE);
    }
}

}  // namespace mp::standin
