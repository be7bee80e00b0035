// Data and helper functions of FalloutNV.exe 1.4.0.525 that are read or called but never patched.
// Section numbers refer to docs/engine-contracts.md.
#pragma once

#include "game/sites.h"

namespace mp::game {

inline constexpr Addr kImageBase = 0x00400000;
inline constexpr std::uint32_t kGameVersion = 0x040020D0;          ///< 1.4.0.525 as xNVSE packs it
inline constexpr std::uint64_t kFileVersion = 0x000100040000020D;  ///< 1.4.0.525 in the version resource

namespace data {
inline constexpr Addr kMemoryManager = 0x011F6238;     ///< MemoryManager singleton, 0x138 bytes (B.1)
inline constexpr Addr kPoolByAddress = 0x011F63B8;     ///< MemoryPool*[256], index = address >> 24 (B.2)
inline constexpr Addr kPoolBySize = 0x011F67B8;        ///< MemoryPool*[256], byte offset = rounded size (B.2)
inline constexpr Addr kScrapHeapManager = 0x011F63B4;  ///< ScrapHeapManager* (B.8)
inline constexpr Addr kHeapLogger = 0x011F6388;        ///< logger that gets a message per tail allocation (B.6)
inline constexpr Addr kPurgeLock = 0x011F6BB8;  ///< CRITICAL_SECTION of the purge, built when bit 0 of the next is set
inline constexpr Addr kPurgeLockReady = 0x011F6BD0;           ///< (B.3)
inline constexpr Addr kMemoryHeapVtable = 0x010A28FC;         ///< (B.5)
inline constexpr Addr kStaticHeapVtable = 0x010A2884;         ///< ZeroOverheadHeap (B.7)
inline constexpr Addr kThreadHeapMapVtable = 0x010A25F8;      ///< (B.1)
inline constexpr Addr kMediaAllocatorAllocSlot = 0x01093D3C;  ///< vtable slot that holds MediaAllocator::Alloc (A.1)
inline constexpr Addr kSecurityCookie = 0x011C16BC;           ///< (A.16)
inline constexpr Addr kTlsIndex = 0x0126FD98;                 ///< index of the game's TLS block (B.1)
inline constexpr Addr kCrtHeap = 0x012705BC;                  ///< HANDLE of the CRT heap, NULL before _heap_init (B.9)
inline constexpr Addr kActiveHeap = 0x01270948;     ///< CRT heap selector; 1 = system heap, 3 = small blocks (A.17)
inline constexpr Addr kConsoleActive = 0x011DEA2E;  ///< byte: the console is executing a line (extender, commands)
inline constexpr Addr kOutOfMemoryRetries = 0x011DE70C;  ///< counter of stage 8 (B.10)
inline constexpr Addr kMainThreadHolder = 0x011DEA0C;    ///< [[this]+0x10] = id of the main thread (B.10)
inline constexpr Addr kIoManager = 0x01202D98;  ///< IOManager*, NULL before the game has started far enough (B.10)
inline constexpr Addr kDefaultHeapReserve = 0x00866EA0;     ///< imm32, written by xNVSE (B.5)
inline constexpr Addr kFileHeapReserve = 0x00866F89;        ///< imm32, written by xNVSE (B.5)
inline constexpr Addr kScrapReserveImmediate = 0x00AA5ED1;  ///< imm32 0x00800000, read by other plugins (A.5)
inline constexpr Addr kStaticInitTable = 0x00FDF4A4;        ///< CRT table of static initialisers (B.1)
}  // namespace data

namespace code {
inline constexpr Addr kOperatorNew = 0x00401000;             ///< cdecl(size) (B.2)
inline constexpr Addr kOperatorDelete = 0x00401030;          ///< cdecl(block) (B.2)
inline constexpr Addr kSpinLockRelease = 0x0040FBA0;         ///< thiscall, pops 0 (B.4)
inline constexpr Addr kConsoleInstance = 0x0071B160;         ///< ConsoleManager* cdecl(bool create)
inline constexpr Addr kConsolePrint = 0x0071D0A0;            ///< thiscall(manager, format, va_list), pops 8
inline constexpr Addr kMediaBaseCheck = 0x009FB020;          ///< thiscall HRESULT CBaseAllocator::Alloc (A.1)
inline constexpr Addr kMediaSampleConstruct = 0x009FCB50;    ///< thiscall(name, allocator, HRESULT*, bytes, size) (A.1)
inline constexpr Addr kFreeBufferCallUnlocked = 0x00AA5B90;  ///< first, unlocked free in ReleaseBuffer (A.6, B.8)
inline constexpr Addr kAllocateAligned = 0x00AA4030;         ///< forwards to Allocate for BSNiAllocator (B.2)
inline constexpr Addr kAllocateAlignedEnd = 0x00AA4060;      ///< Free follows
inline constexpr Addr kErrno = 0x00EC85E3;                   ///< int* cdecl(): the runtime's errno of the thread (G.1)
inline constexpr Addr kHeapInitCall = 0x00ECC3CB;            ///< call of _heap_init (part C)
inline constexpr Addr kHeapInit = 0x00EDDB6A;                ///< int cdecl(int), builds the CRT heap (part C)
inline constexpr Addr kWinMainCall = 0x00ECC46B;             ///< call WinMain, redirected by xNVSE (part C)
inline constexpr Addr kWinMain = 0x0086A850;
inline constexpr Addr kEntryPoint = 0x00FDE590;  ///< PE entry of the 4 GB-patched image (part C)
}  // namespace code

/// Sizes that the engine's own code fixes.
inline constexpr std::uint32_t kPoolPageSize = 0x1000;         ///< one page of a pool (A.9)
inline constexpr std::uint32_t kArenaAlignment = 0x01000000;   ///< an arena starts at a multiple of 16 MB (A.7)
inline constexpr std::uint32_t kArenaSlots = 256;              ///< 16 MB slots in the address space (A.7)
inline constexpr std::uint32_t kScrapReserve = 0x00800000;     ///< reservation of a scrap buffer (A.5)
inline constexpr std::uint32_t kHeapStep = 0x00010000;         ///< commit granularity of a MemoryHeap (B.5)
inline constexpr std::uint32_t kHeapHeaderSize = 8;            ///< header in front of a heap block (B.5)
inline constexpr std::uint32_t kSmallestBlock = 8;             ///< smallest payload of the game's heaps (B.2)
inline constexpr std::uint32_t kMediaSampleSize = 0x48;        ///< sample object of a media pool (A.1)
inline constexpr std::uint32_t kMediaSampleDeleteSlot = 0x54;  ///< vtable slot of its deleting destructor (A.2)
inline constexpr std::uint32_t kContextCount = 66;             ///< memory contexts (B.1)
inline constexpr std::uint32_t kDefaultContext = 65;
inline constexpr std::uint32_t kTlsContextOffset = 0x2B4;  ///< context in the thread's TLS block (B.1)
inline constexpr std::uint32_t kTlsConsoleOffset = 0x268;  ///< byte: this thread executes a console line

/// Values of the C runtime's errno (G.1).
inline constexpr std::int32_t kErrnoNoMemory = 12;  ///< ENOMEM
inline constexpr std::int32_t kErrnoInvalid = 22;   ///< EINVAL

inline constexpr std::int32_t kHresultOk = 0;
inline constexpr std::int32_t kHresultFalse = 1;
inline constexpr std::int32_t kHresultOutOfMemory = static_cast<std::int32_t>(0x8007000E);

}  // namespace mp::game
