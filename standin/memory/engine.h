// What all bodies share: the addresses they call, the operating system through the game's import slots, the thread's
// TLS block, virtual calls.
#pragma once

#include <cstdint>
#include <cstring>

#include "../engine_counters.h"
#include "../image/image_addresses.h"
#include "../image/import_slots.h"
#include "bodies.h"
#include "game/addresses.h"
#include "game/call.h"
#include "game/sites.h"

namespace mp::standin {

using game::addr_of;
using game::at;
using game::call_cdecl;
using game::call_this;

/// Functions of the engine, by their addresses.
namespace fn {
using game::Addr;
inline constexpr Addr kOperatorNew = game::code::kOperatorNew;
inline constexpr Addr kOperatorDelete = game::code::kOperatorDelete;
inline constexpr Addr kFormat = 0x00406D00;
inline constexpr Addr kSpinAcquire = game::site(0x0040FBF0).va;
inline constexpr Addr kSpinRelease = game::code::kSpinLockRelease;
inline constexpr Addr kCrtMalloc = game::site(0x00ECD1C7).va;
inline constexpr Addr kCrtFree = game::site(0x00ECD291).va;
inline constexpr Addr kCrtRealloc = game::site(0x00ECCF5D).va;
inline constexpr Addr kCrtSize = game::site(0x00ECD31F).va;

inline constexpr Addr kAllocate = game::site(0x00AA3E40).va;
inline constexpr Addr kFree = game::site(0x00AA4060).va;
inline constexpr Addr kSize = game::site(0x00AA44C0).va;
inline constexpr Addr kHeapOf = 0x00AA45A0;
inline constexpr Addr kPhysicalHeapOf = 0x00AA4610;
inline constexpr Addr kFallbackPool = 0x00AA4960;
inline constexpr Addr kHandleOutOfMemory = game::site(0x00866A90).va;
inline constexpr Addr kSetUp = 0x00AA39C0;
inline constexpr Addr kCreateHeaps = game::site(0x00866E00).va;
inline constexpr Addr kCreatePools = game::site(0x00866770).va;
inline constexpr Addr kCreatePool = 0x00AA3CC0;
inline constexpr Addr kSceneGraphBridge = 0x00866690;

inline constexpr Addr kScrapInit = game::site(0x00AA53F0).va;
inline constexpr Addr kScrapConstruct = game::site(0x00AA57B0).va;
inline constexpr Addr kScrapManager = game::site(0x00866D10).va;
inline constexpr Addr kScrapManagerConstruct = 0x00AA5860;
inline constexpr Addr kScrapManagerCreate = game::site(0x00AA58D0).va;
inline constexpr Addr kRequestBuffer = game::site(0x00AA59B0).va;
inline constexpr Addr kReleaseBuffer = game::site(0x00AA5B70).va;
inline constexpr Addr kFreeAllBuffers = game::site(0x00AA5C80).va;
inline constexpr Addr kScrapGrow = game::site(0x00AA5E30).va;
inline constexpr Addr kScrapShrink = game::site(0x00AA5E90).va;
inline constexpr Addr kScrapCreate = game::site(0x00AA5EC0).va;
inline constexpr Addr kScrapFree = game::site(0x00AA5F30).va;
inline constexpr Addr kRemoveEntry = 0x00AA5F50;

inline constexpr Addr kArenaReserve = game::site(0x00AA65B0).va;
inline constexpr Addr kArenaRelease = game::site(0x00AA6680).va;
inline constexpr Addr kPageCommit = game::site(0x00AA6610).va;
inline constexpr Addr kPageDecommit = game::site(0x00AA6650).va;
inline constexpr Addr kPoolConstruct = 0x00AA66A0;
inline constexpr Addr kPoolDestroy = 0x00AA6800;
inline constexpr Addr kZeroPoolTables = game::site(0x00AA6840).va;
inline constexpr Addr kPoolAllocate = game::site(0x00AA6AA0).va;
inline constexpr Addr kPoolFree = game::site(0x00AA6C70).va;
inline constexpr Addr kPoolFindPage = 0x00AA6DB0;
inline constexpr Addr kPoolPush = 0x00AA6E00;
inline constexpr Addr kPoolRemove = 0x00AA6E60;
inline constexpr Addr kPoolDropPage = 0x00AA6EB0;
inline constexpr Addr kPoolPurge = game::site(0x00AA6F90).va;
inline constexpr Addr kPurgeAll = game::site(0x00AA7030).va;
inline constexpr Addr kSortList = 0x00AA70C0;
inline constexpr Addr kPoolSort = game::site(0x00AA7260).va;

inline constexpr Addr kHeapConstruct = 0x00AA78A0;
inline constexpr Addr kHeapDestroy = 0x00AA7930;
inline constexpr Addr kHeapInitialise = game::site(0x00AA8CA0).va;
inline constexpr Addr kHeapDeleteLock = 0x00AA8DA0;
inline constexpr Addr kHeapReserveBacking = game::site(0x00AA8DD0).va;
inline constexpr Addr kHeapDropBacking = 0x00AA8EA0;
inline constexpr Addr kHeapAllocate = game::site(0x00AA8F50).va;
inline constexpr Addr kHeapFree = game::site(0x00AA98F0).va;
inline constexpr Addr kHeapTrim = game::site(0x00AA9A70).va;
inline constexpr Addr kHeapCoalesce = game::site(0x00AA9BD0).va;
inline constexpr Addr kHeapAppend = 0x00AA9CA0;
inline constexpr Addr kHeapInsertFree = 0x00AA9D30;
inline constexpr Addr kHeapRemoveFree = 0x00AA9E50;
inline constexpr Addr kHeapStatistics = 0x00AAA0E0;
}  // namespace fn

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
    return call_this<Result>(*at<const game::Ptr32>(vtable + offset), object, args...);
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
    call_this<void>(fn::kSpinAcquire, &lock, label);
}
inline void release(game::SpinLock& lock) {
    call_this<void>(fn::kSpinRelease, &lock);
}
/// The release that many functions carry inline (B.4).
inline void release_inline(game::SpinLock& lock) {
    if (--lock.depth == 0) {
        __atomic_store_n(&lock.owner_thread, 0U, __ATOMIC_RELEASE);
    }
}

}  // namespace mp::standin
