// Addresses inside the image that the stand-in itself chose or needs, beside the game's own facts in game/addresses.h.
#pragma once

#include "game/addresses.h"

namespace mp::standin {

/// Extent of the engine's part of the image; what the compiler makes comes behind it.
inline constexpr game::Addr kCodeBegin = 0x00401000;
inline constexpr game::Addr kImportsBegin = 0x00FDF000;
inline constexpr game::Addr kReadOnlyBegin = 0x00FE0000;
inline constexpr game::Addr kDataBegin = 0x0118A000;
inline constexpr game::Addr kDataEnd = 0x01300000;

/// A byte that must be 55: helpers that are compiled into other plugins take anything else for the editor.
inline constexpr game::Addr kNotTheEditor = 0x00401190;

inline constexpr game::Addr kFramePoolSortCounter = 0x011DEEF5;  ///< byte: next index to sort
inline constexpr game::Addr kFramePoolSortTimer = 0x011DEEF8;    ///< float

/// Start-up.
inline constexpr game::Addr kCrtStart = 0x00ECC4DB;
inline constexpr game::Addr kStartupInfoCall = 0x00ECC372;
inline constexpr game::Addr kStaticInitialisers = 0x00ECCD6B;
inline constexpr game::Addr kStaticInitEnd = 0x00FDF4C8;  ///< one past the slot of the MemoryManager's initialiser
inline constexpr game::Addr kCallocImpl = 0x00EE15E2;     ///< cdecl(count, size, int* error)
inline constexpr game::Addr kMemoryManagerExit = 0x00FDB290;

/// The C runtime's variables. Their places are our own, except where a line says otherwise.
inline constexpr game::Addr kCrtNewMode = 0x01270950;     ///< dword: not 0 = malloc and its kin ask the new-handler too
inline constexpr game::Addr kCrtNewHandler = 0x01270954;  ///< int cdecl(size), or NULL; 0 = give up
inline constexpr game::Addr kCrtInvalidParameterHandler = 0x01270958;  ///< void cdecl of five words, or NULL
inline constexpr game::Addr kCrtLongestWait = 0x0127095C;  ///< dword, ms: longest wait of the _crt variants, 0 = none
inline constexpr std::uint32_t kTlsErrno = 0x4A0;          ///< error number in the thread's TLS block

/// Small-block heap of the CRT: by the library's order around the heap selector (G.1), except for the deferred header.
inline constexpr game::Addr kSmallBlockHeaderCount = 0x01270930;
inline constexpr game::Addr kSmallBlockHeaders = 0x01270934;
inline constexpr game::Addr kSmallBlockHeaderCapacity = 0x01270940;
inline constexpr game::Addr kSmallBlockDeferredGroup = 0x01270944;
inline constexpr game::Addr kSmallBlockDeferredHeader = 0x0127094C;  ///< our own place

/// DirectShow classes: the vtable that holds the documented slot, and our own place for the sample's.
inline constexpr game::Addr kMediaAllocatorVtable = 0x01093D28;
inline constexpr game::Addr kMediaSampleVtable = 0x01093C80;

}  // namespace mp::standin
