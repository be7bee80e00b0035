// The game's functions by name: row of the site table, signature, and how they are called. Whoever replaces or calls
// one says its name; nothing but the tables carries addresses.
//
// A signature is checked against its row: convention, and the bytes that the callee takes from the stack. 32-bit x86
// only: conventions are part of the contract.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <type_traits>

#include "game/call.h"
#include "game/layouts.h"

namespace mp::game {

/// Second register argument of a fastcall function. A replacement of a thiscall function is written as fastcall with
/// this unused parameter: object in ECX, stack arguments popped by the callee, the same in every compiler.
using Unused = std::uint32_t;

namespace detail {

/// Where a function stands, and the row that says so; both rows are nullptr for functions that are only called.
struct Place {
    Addr va = 0;
    const Site* site = nullptr;
    const PointerSite* slot = nullptr;  ///< the function is replaced by its vtable slot
};

/// The row of that name; one that is not in the table does not compile.
consteval Place named(std::string_view name, Convention convention, std::int8_t popped) {
    for (const Site& row : kSites) {
        if (row.name == name) {
            const bool pops_as_told = row.bytes_popped == popped || row.bytes_popped == kPopsToldByWalk;
            return row.convention == convention && pops_as_told ? Place{row.va, &row}
                                                                : throw "the signature is not the table's";
        }
    }
    for (const PointerSite& row : kPointerSites) {
        if (row.name == name) {
            return convention == Convention::thiscall_ && row.bytes_popped == popped
                       ? Place{row.expected, nullptr, &row}
                       : throw "the signature is not the table's";
        }
    }
    for (const Helper& row : kHelpers) {
        if (row.name == name) {
            return convention == Convention::thiscall_ && row.bytes_popped == popped
                       ? Place{row.va}
                       : throw "the signature is not the table's";
        }
    }
    throw "no such function in the table";
}

/// Bytes that arguments take on the stack of the 32-bit game.
template <typename... Args>
consteval std::int8_t stack_bytes() {
    constexpr std::size_t kWord = 4;
    static_assert((std::is_scalar_v<Args> && ...));
    return static_cast<std::int8_t>(sizeof...(Args) * kWord);
}

}  // namespace detail

/// A thiscall function of the game. Called, it enters the game's own address, so that hooks take effect.
template <typename Signature>
struct This;

template <typename Result, typename Object, typename... Args>
struct This<Result(Object*, Args...)> : detail::Place {
    using Signature = Result(Object*, Args...);
    using Replacement = Result(MP_FASTCALL*)(Object*, Unused, Args...);
    using Pointer = Result(MP_THISCALL*)(Object*, Args...);
    static constexpr unsigned kWords = sizeof...(Args);  ///< on the stack

    /// What a hook has displaced: the function as it was. Its address is 0 until a hook stands.
    struct Original {
        void* address = nullptr;
        Result operator()(Object* self, Args... args) const noexcept {
            return reinterpret_cast<Pointer>(address)(self, args...);
        }
    };

    consteval This(std::string_view name)
        : Place(detail::named(name, Convention::thiscall_, detail::stack_bytes<Args...>())) {}
    consteval This(Addr address) : Place{address} {}

    Result operator()(Object* self, Args... args) const {
        return reinterpret_cast<Pointer>(std::uintptr_t{va})(self, args...);
    }
};

/// A cdecl function of the game; see This.
template <typename Signature>
struct Cdecl;

template <typename Result, typename... Args>
struct Cdecl<Result(Args...)> : detail::Place {
    using Signature = Result(Args...);
    using Replacement = Result(MP_CDECL*)(Args...);
    static constexpr unsigned kWords = sizeof...(Args);

    struct Original {
        void* address = nullptr;
        Result operator()(Args... args) const noexcept { return reinterpret_cast<Replacement>(address)(args...); }
    };

    consteval Cdecl(std::string_view name) : Place(detail::named(name, Convention::cdecl_, 0)) {}
    consteval Cdecl(Addr address) : Place{address} {}

    Result operator()(Args... args) const { return reinterpret_cast<Replacement>(std::uintptr_t{va})(args...); }
};

/// `kFree(manager, block)` calls the game's free.
namespace fn {

using u32 = std::uint32_t;

// Front doors of the memory manager.
inline constexpr This<void*(MemoryManager*, u32)> kAllocate{"MemoryManager::Allocate"};
inline constexpr This<void(MemoryManager*, void*)> kFree{"MemoryManager::Free"};
inline constexpr This<void*(MemoryManager*, void*, u32)> kReallocate1{"MemoryManager::Reallocate1"};
inline constexpr This<void*(MemoryManager*, void*, u32)> kReallocate2{"MemoryManager::Reallocate2"};
inline constexpr This<u32(MemoryManager*, const void*)> kSize{"MemoryManager::Size"};
inline constexpr This<void*(MemoryManager*, u32, u32)> kDefaultAllocate{"MemoryManager::DefaultAllocate"};
inline constexpr This<void(MemoryManager*, void*, u32)> kDefaultFree{"MemoryManager::DefaultFree"};
inline constexpr This<ScrapHeap*(MemoryManager*)> kThreadScrapHeap{"MemoryManager::ThreadScrapHeap"};
inline constexpr This<std::int32_t(MemoryManager*, void*, std::int32_t, std::uint8_t*)> kHandleOutOfMemory{
    "MemoryManager::HandleOutOfMemory"};
inline constexpr This<void(MemoryManager*)> kCreatePools{"MemoryManager::CreatePools"};
inline constexpr This<void(MemoryManager*)> kCreateHeaps{"MemoryManager::CreateHeaps"};
inline constexpr Cdecl<void*(u32)> kOperatorNew{code::kOperatorNew};
inline constexpr Cdecl<void(void*)> kOperatorDelete{code::kOperatorDelete};

// Spin lock.
inline constexpr This<void(SpinLock*, const char*)> kSpinLockAcquire{"SpinLock::Acquire"};
inline constexpr This<void(SpinLock*)> kSpinLockRelease{code::kSpinLockRelease};

// Scrap heaps, their manager, their buffers.
inline constexpr This<ScrapHeap*(ScrapHeap*)> kScrapInit{"ScrapHeap::Init"};
inline constexpr This<ScrapHeap*(ScrapHeap*, u32)> kScrapInitSized{"ScrapHeap::InitSized"};
inline constexpr This<void(ScrapHeap*)> kScrapPurge{"ScrapHeap::Purge"};
inline constexpr This<void*(ScrapHeap*, u32, u32)> kScrapAllocate{"ScrapHeap::Allocate"};
inline constexpr This<void(ScrapHeap*, void*)> kScrapFree{"ScrapHeap::Free"};
inline constexpr This<ScrapHeap*(ScrapHeap*, u32)> kScrapConstruct{"ScrapHeap::Construct"};
inline constexpr Cdecl<ScrapHeapManager*()> kScrapManager{"ScrapHeapManager::Instance"};
inline constexpr Cdecl<void()> kCreateScrapManager{"ScrapHeapManager::Create"};
inline constexpr This<Addr(ScrapHeapManager*, u32*)> kRequestBuffer{"ScrapHeapManager::RequestBuffer"};
inline constexpr This<void(ScrapHeapManager*, Addr, u32)> kReleaseBuffer{"ScrapHeapManager::ReleaseBuffer"};
inline constexpr This<void(ScrapHeapManager*)> kFreeAllBuffers{"ScrapHeapManager::FreeAllBuffers"};
inline constexpr This<void(ScrapHeapManager*, Addr, u32, u32)> kGrowBuffer{"ScrapBuffer::Grow"};
inline constexpr This<void(ScrapHeapManager*, Addr, u32, u32)> kShrinkBuffer{"ScrapBuffer::Shrink"};
inline constexpr This<Addr(ScrapHeapManager*, u32)> kCreateBuffer{"ScrapBuffer::Create"};
inline constexpr This<void(ScrapHeapManager*, Addr, u32)> kFreeBuffer{"ScrapBuffer::Free"};

// Pools.
inline constexpr This<void(MemoryPool*)> kReserveArena{"PoolArena::Reserve"};
inline constexpr This<u32(MemoryPool*)> kReleaseArena{"PoolArena::Release"};
inline constexpr This<u32(const MemoryPool*, u32, Addr*)> kCommitPage{"PoolPage::Commit"};
inline constexpr This<u32(MemoryPool*, Addr)> kDecommitPage{"PoolPage::Decommit"};
inline constexpr Cdecl<void()> kZeroPoolTables{"Pools::ZeroTables"};
inline constexpr This<void*(MemoryPool*, u32)> kPoolAllocate{"MemoryPool::Allocate"};
inline constexpr This<void(MemoryPool*, void*)> kPoolFree{"MemoryPool::Free"};
inline constexpr This<void(MemoryPool*)> kPurgeEmptyPages{"MemoryPool::PurgeEmptyPages"};
inline constexpr Cdecl<void()> kPurgePools{"Pools::PurgeAll"};
inline constexpr This<void(MemoryPool*)> kSortFreeList{"MemoryPool::SortFreeList"};
inline constexpr Cdecl<void(u32)> kSortPool{"Pools::SortOne"};
inline constexpr This<void(MemoryPool*)> kWalkFreeList{"MemoryPool::WalkFreeList"};

// General heaps.
inline constexpr This<Addr(MemoryHeap*, u32, u32)> kReserveBacking{"HeapBacking::Reserve"};
inline constexpr This<void(MemoryHeap*, Addr)> kReleaseBacking{"HeapBacking::Release"};
inline constexpr This<u32(const MemoryHeap*, Addr, u32, u32)> kCommitTail{"HeapTail::Commit"};
inline constexpr This<u32(const MemoryHeap*, Addr, u32, u32)> kDecommitTail{"HeapTail::Decommit"};
inline constexpr This<void(const MemoryHeap*, Addr)> kDecommitInterior{"HeapInterior::Decommit"};
inline constexpr This<void*(MemoryHeap*, u32)> kHeapAllocate{"MemoryHeap::Allocate"};
inline constexpr This<void*(MemoryHeap*, u32, u32)> kHeapAllocateAligned{"MemoryHeap::AllocateAligned"};
inline constexpr This<void(MemoryHeap*, void*, u32)> kHeapFree{"MemoryHeap::FreeBlock"};
inline constexpr This<void(MemoryHeap*, void*)> kHeapFreeLocked{"MemoryHeap::FreeLocked"};
inline constexpr This<u32(MemoryHeap*, const void*)> kHeapContains{"MemoryHeap::Contains"};
inline constexpr This<u32(MemoryHeap*, const void*, u32)> kHeapBlockSize{"MemoryHeap::BlockSize"};
inline constexpr This<u32(MemoryHeap*, HeapStatistics*, u32)> kHeapStatistics{"MemoryHeap vtable +18 (statistics)"};
inline constexpr This<u32(MemoryHeap*, const void*)> kHeapBlockSizeWithHeader{
    "MemoryHeap vtable +28 (size with header)"};
inline constexpr This<void(MemoryHeap*, u32, u32, const char*, u32)> kHeapInitialise{"MemoryHeap::Initialise"};
inline constexpr This<void(MemoryHeap*)> kHeapReserve{"MemoryHeap::ReserveBacking"};
inline constexpr This<void(MemoryHeap*)> kHeapTrimTail{"MemoryHeap::TrimTail"};
inline constexpr This<void(MemoryHeap*, HeapBlock*)> kHeapCoalesce{"MemoryHeap::Coalesce"};

// Media player.
inline constexpr This<std::int32_t(MediaAllocator*)> kMediaAllocate{"MediaAllocator::Alloc"};
inline constexpr This<void(MediaAllocator*)> kMediaReallyFree{"MediaAllocator::ReallyFree"};
inline constexpr This<std::int32_t(MediaAllocator*)> kMediaBaseCheck{code::kMediaBaseCheck};
inline constexpr This<MediaSample*(void*, const char*, MediaAllocator*, std::int32_t*, Addr, u32)>
    kMediaSampleConstruct{code::kMediaSampleConstruct};

// C runtime.
inline constexpr Cdecl<void*(u32)> kCrtMalloc{"crt::malloc"};
inline constexpr Cdecl<void*(u32)> kCrtMallocCrt{"crt::_malloc_crt"};
inline constexpr Cdecl<void*(u32, u32)> kCrtCalloc{"crt::calloc"};
inline constexpr Cdecl<void*(u32, u32)> kCrtCallocCrt{"crt::_calloc_crt"};
inline constexpr Cdecl<void*(void*, u32)> kCrtRealloc{"crt::realloc"};
inline constexpr Cdecl<void*(void*, u32)> kCrtReallocCrt{"crt::_realloc_crt"};
inline constexpr Cdecl<void*(void*, u32, u32)> kCrtRecalloc{"crt::_recalloc"};
inline constexpr Cdecl<void*(void*, u32, u32)> kCrtRecallocCrt{"crt::_recalloc_crt"};
inline constexpr Cdecl<u32(const void*)> kCrtMsize{"crt::_msize"};
inline constexpr Cdecl<void(void*)> kCrtFree{"crt::free"};
inline constexpr Cdecl<void(SmallBlockHeader*, void*)> kFreeSmallBlock{"crt::__sbh_free_block"};
inline constexpr Cdecl<std::int32_t*()> kErrno{code::kErrno};
inline constexpr Cdecl<SmallBlockHeader*()> kNewSmallBlockRegion{"crt::__sbh_alloc_new_region"};
inline constexpr Cdecl<std::int32_t(SmallBlockHeader*)> kNewSmallBlockGroup{"crt::__sbh_alloc_new_group"};

// Called, never replaced.
inline constexpr This<u32(IoManager*, u32)> kIoSemaphoreOwner{"IOManager::SemaphoreOwner"};
inline constexpr This<void(IoManager*, u32)> kIoReleaseSemaphore{"IOManager::ReleaseSemaphore"};
inline constexpr This<void(IoManager*, u32)> kIoSignalIdle{"IOManager::SignalIdle"};
inline constexpr Cdecl<void*(bool)> kConsole{code::kConsoleInstance};
inline constexpr This<void(void*, const char*, std::va_list)> kConsolePrint{code::kConsolePrint};

}  // namespace fn

}  // namespace mp::game
