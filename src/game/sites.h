// The one table of code sites of FalloutNV.exe 1.4.0.525: where each memory function stands, what it is, how it is
// called, what is certain about it and what is only likely. The installer, the verifier, the preflight check, the
// stand-in of the engine, the documents and the tests all read this table; no other file carries such an address as a
// literal.
//
// Confidence: `certain` was read from a listing, a byte dump or the library that was linked in; `likely` was
// reconstructed. What is certain must hold in the running image; what is likely never decides alone: where the first
// bytes differ, the function's code is walked instead (patch/verify.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mp::game {

/// Virtual address in the game's process. The image has no relocations, so these are constants.
using Addr = std::uint32_t;

enum class Convention : std::uint8_t {
    thiscall_,  ///< object in ECX, arguments on the stack, callee pops
    cdecl_,     ///< arguments on the stack, caller pops
};

enum class Confidence : std::uint8_t { certain, likely };

/// When a replacement is published: what frees, measures or finds a block before what hands one out.
enum class Role : std::uint8_t {
    consumer,  ///< free, size, contains: first
    producer,  ///< allocate, create: last
};

/// Functions that are replaced together or not at all (engine contract, part D).
enum class Group : std::uint8_t {
    none,                  ///< never patched; known for calls, checks and the stand-in
    media_samples,         ///< pattern 1
    scrap_buffers,         ///< patterns 2 and 3: a high-water mark is only true while creation and release are ours too
    pool_memory,           ///< patterns 4 and 5, for the same reason
    heap_backing,          ///< pattern 6
    heap_tail,             ///< pattern 7
    heap_interior,         ///< pattern 8
    heap_blocks,           ///< pattern 9 with free, contains and size of the same heaps
    crt_small_blocks,      ///< pattern 10 and the two allocating halves
    game_heap,             ///< front doors of the MemoryManager
    game_heap_optional,    ///< may be owned by another plugin; only composes the other entries
    crt_heap,              ///< the ten entries of the static CRT
    scrap_heaps,           ///< the scrap heaps' own methods
    scrap_heaps_optional,  ///< reached only through scrap_heaps
    thread_scrap_heap,     ///< the getter of a thread's scrap heap; may be owned by another plugin
    providers,             ///< builders and caretakers of heaps and pools
    locks,                 ///< the engine's spin lock
};

inline constexpr std::size_t kGroupCount = static_cast<std::size_t>(Group::locks) + 1;

constexpr std::string_view group_name(Group group) noexcept {
    constexpr std::array<std::string_view, kGroupCount> kNames{"none",
                                                               "media samples",
                                                               "scrap buffers",
                                                               "pool memory",
                                                               "heap backing",
                                                               "heap tail",
                                                               "heap interior",
                                                               "heap blocks",
                                                               "CRT small blocks",
                                                               "game heap",
                                                               "game heap (optional)",
                                                               "CRT heap",
                                                               "scrap heaps",
                                                               "scrap heaps (optional)",
                                                               "thread scrap heap",
                                                               "providers",
                                                               "locks"};
    return kNames[static_cast<std::size_t>(group)];
}

/// Groups of one door that other plugins are known to own (engine contract, part D). What their owner does in its place
/// ends in doors of ours, so that nothing is lost.
constexpr bool may_be_owned(Group group) noexcept {
    return group == Group::game_heap_optional || group == Group::thread_scrap_heap;
}

/// The scrap heaps as a whole: doors, getter and buffers. They touch no other heap, so they can be replaced alone
/// (scrap mode; engine contract B.8, part D).
constexpr bool is_of_scrap_heaps(Group group) noexcept {
    using enum Group;
    return group == scrap_buffers || group == scrap_heaps || group == thread_scrap_heap;
}

/// One of the doors through which the game itself asks for memory.
constexpr bool is_front_door(Group group) noexcept {
    using enum Group;
    return group == game_heap || group == game_heap_optional || group == crt_heap || group == scrap_heaps ||
           group == thread_scrap_heap;
}

/// True for groups that are replaced only together with the three that hold a game's front doors: the game heap's, the
/// C runtime's and the scrap heaps'. Nobody uses what they build then (engine contract, part D).
constexpr bool needs_front_doors(Group group) noexcept {
    return group == Group::providers;
}

/// A byte pattern of at most 24 bytes; a zero in `mask` accepts any byte.
struct BytePattern {
    static constexpr std::size_t kCapacity = 24;
    std::array<std::uint8_t, kCapacity> bytes{};
    std::array<std::uint8_t, kCapacity> mask{};
    std::uint8_t size = 0;

    /// True when the first `size` bytes at `data` agree wherever the mask is set. `data` must be readable that far.
    [[nodiscard]] constexpr bool matches(const std::uint8_t* data) const noexcept {
        for (std::size_t i = 0; i < size; ++i) {
            if (mask[i] != 0 && bytes[i] != data[i]) {
                return false;
            }
        }
        return true;
    }
};

namespace detail {
consteval std::uint8_t hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<std::uint8_t>(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<std::uint8_t>(c - 'A' + 10);
    }
    throw "not an upper-case hexadecimal digit";
}
}  // namespace detail

/// Reads "55 8B ?? EC" at compile time.
consteval BytePattern bytes(std::string_view text) {
    BytePattern pattern;
    for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
        if (text[i] != '?') {
            pattern.bytes[pattern.size] =
                static_cast<std::uint8_t>(detail::hex_digit(text[i]) * 16 + detail::hex_digit(text[i + 1]));
            pattern.mask[pattern.size] = 0xFF;
        }
        ++pattern.size;
    }
    return pattern;
}

/// Import slots: all memory calls of the game go through these (engine contract 0).
namespace import_slot {
inline constexpr Addr kInitializeCriticalSection = 0x00FDF054;
inline constexpr Addr kDeleteCriticalSection = 0x00FDF058;
inline constexpr Addr kEnterCriticalSection = 0x00FDF05C;
inline constexpr Addr kGetTickCount = 0x00FDF060;
inline constexpr Addr kQueryPerformanceCounter = 0x00FDF0A0;
inline constexpr Addr kLoadLibraryA = 0x00FDF0B0;
inline constexpr Addr kLeaveCriticalSection = 0x00FDF100;
inline constexpr Addr kVirtualFree = 0x00FDF10C;
inline constexpr Addr kVirtualAlloc = 0x00FDF114;
inline constexpr Addr kHeapAlloc = 0x00FDF1A0;
inline constexpr Addr kHeapFree = 0x00FDF1A4;
}  // namespace import_slot

/// Name of the function whose address the system's loader puts into a slot, "" for other addresses.
constexpr std::string_view import_name(Addr slot) noexcept {
    switch (slot) {
    case import_slot::kInitializeCriticalSection:
        return "InitializeCriticalSection";
    case import_slot::kDeleteCriticalSection:
        return "DeleteCriticalSection";
    case import_slot::kEnterCriticalSection:
        return "EnterCriticalSection";
    case import_slot::kGetTickCount:
        return "GetTickCount";
    case import_slot::kQueryPerformanceCounter:
        return "QueryPerformanceCounter";
    case import_slot::kLoadLibraryA:
        return "LoadLibraryA";
    case import_slot::kLeaveCriticalSection:
        return "LeaveCriticalSection";
    case import_slot::kVirtualFree:
        return "VirtualFree";
    case import_slot::kVirtualAlloc:
        return "VirtualAlloc";
    case import_slot::kHeapAlloc:
        return "HeapAlloc";
    case import_slot::kHeapFree:
        return "HeapFree";
    default:
        return "";
    }
}

/// Where a function's main return instruction stands. Never taken from the size alone: a runtime function's last byte
/// can be the return of a __finally block, and its main return can stand in the middle (engine contract G.1).
struct MainReturn {
    Addr va = 0;  ///< 0 when not established
    Confidence confidence = Confidence::likely;
};

consteval MainReturn return_at(Addr va, Confidence confidence) {
    return {va, confidence};
}
consteval MainReturn return_unknown() {
    return {};
}

/// Something that is certain about a function, whatever its bytes are. A statement that does not hold declines the
/// function's group even where the first bytes match (engine contract 0, G.1, G.6).
struct Statement {
    enum class Kind : std::uint8_t {
        calls_import,  ///< at `at` stands a call that reaches import slot `to`: FF 15, or a register loaded from it on
                       ///< every path
        calls,         ///< at `at` stands a direct call of the function `to`
        in_slot,       ///< the dword at `at`, a slot of a vtable, holds the function's address
        enters_start,  ///< a jump of the function leads to `to`, inside the bytes that a hook displaces: no trampoline
    };
    Kind kind = Kind::calls;
    Addr at = 0;
    Addr to = 0;
};

consteval Statement calls_import(Addr at, Addr slot) {
    return {Statement::Kind::calls_import, at, slot};
}
consteval Statement calls(Addr at, Addr function) {
    return {Statement::Kind::calls, at, function};
}
consteval Statement in_slot(Addr at) {
    return {Statement::Kind::in_slot, at, 0};
}
consteval Statement enters_start(Addr to) {
    return {Statement::Kind::enters_start, 0, to};
}

struct Statements {
    static constexpr std::size_t kCapacity = 12;
    std::array<Statement, kCapacity> list{};
    std::uint8_t count = 0;

    [[nodiscard]] constexpr const Statement* begin() const noexcept { return list.data(); }
    [[nodiscard]] constexpr const Statement* end() const noexcept { return list.data() + count; }
};

template <typename... Each>
consteval Statements certain(Each... each) {
    Statements result;
    ((result.list[result.count++] = each), ...);
    return result;
}

/// `bytes_popped` of a function whose own code must be asked: 4 or 8 (engine contract A.10).
inline constexpr std::int8_t kPopsToldByWalk = -1;

struct Site {
    Addr va;
    std::string_view name;
    std::string_view what;
    std::uint8_t mission_pattern;  ///< 1..10, 0 for functions outside the mission's list
    Group group;
    Convention convention;
    std::uint16_t size;        ///< bytes of code, 0 when not established
    std::int8_t bytes_popped;  ///< removed from the stack by the callee, or kPopsToldByWalk
    BytePattern prologue;
    Confidence prologue_confidence;  ///< of the first bytes; the start itself is certain in every row
    MainReturn main_return;
    Statements statements;
    std::string_view contract;  ///< section of docs/engine-contracts.md
    Role role = Role::consumer;
};

/// True when something besides its start and first bytes is certain about a function. Only then can its structure stand
/// in for first bytes that differ: anything that returns would do otherwise.
[[nodiscard]] constexpr bool has_certain_structure(const Site& site) noexcept {
    return site.statements.count != 0 ||
           (site.main_return.va != 0 && site.main_return.confidence == Confidence::certain);
}

/// Bytes of a relative jump (E9 rel32).
inline constexpr std::size_t kJumpSize = 5;

// clang-format off
inline constexpr Site kSites[] = {
    {0x0040FBF0, "SpinLock::Acquire", "takes the reentrant spin lock", 0, Group::locks, Convention::thiscall_, 149, 4,
     bytes("53 8B DC 51 83 E4 E0 83 C4 04 55 8B EC 83 EC 60"), Confidence::certain, return_at(0x0040FC82, Confidence::certain),
     certain(), "B.4"},
    {0x00866770, "MemoryManager::CreatePools", "builds the 37 pools", 0, Group::providers, Convention::thiscall_, 0, 0,
     bytes("55 8B EC 51 89 4D FC 68 DC 24 08 01 68 00 00 60 00"), Confidence::certain, return_unknown(),
     certain(), "B.3", Role::producer},
    {0x00866A90, "MemoryManager::HandleOutOfMemory", "one stage of the out-of-memory protocol", 0, Group::none, Convention::thiscall_, 602, 12,
     bytes("55 8B EC 83 EC 0C 56 89 4D F8 8B 45 10 C6 00 01"), Confidence::certain, return_at(0x00866CE7, Confidence::certain),
     certain(), "B.10"},
    {0x00866D10, "ScrapHeapManager::Instance", "lazy singleton", 0, Group::providers, Convention::cdecl_, 137, 0,
     bytes("55 8B EC 6A FF 68 CB 09 F1 00 64 A1 00 00 00 00"), Confidence::certain, return_at(0x00866D98, Confidence::likely),
     certain(), "B.8", Role::producer},
    {0x00866E00, "MemoryManager::CreateHeaps", "builds the Default, File and Static heaps", 0, Group::providers, Convention::thiscall_, 481, 0,
     bytes("55 8B EC 6A FF 68 71 3B F1 00 64 A1 00 00 00 00"), Confidence::certain, return_at(0x00866FE0, Confidence::likely),
     certain(), "B.5", Role::producer},
    {0x009FB170, "MediaAllocator::ReallyFree", "releases a sample pool's buffer", 1, Group::media_samples, Convention::thiscall_, 68, 0,
     bytes("56 8B F1 8B 4E 28 85 C9 74 15 8B 41 1C 83 46 2C FF"), Confidence::certain, return_at(0x009FB1B3, Confidence::certain),
     certain(calls_import(0x009FB1A5, import_slot::kVirtualFree), enters_start(0x009FB173)), "A.2"},
    {0x009FCC60, "MediaAllocator::Alloc", "commits a sample pool: one buffer, one object a sample", 1, Group::media_samples, Convention::thiscall_, 340, 0,
     bytes("6A FF 68 68 C7 F1 00 64 A1 00 00 00 00 50 51 53 55 56 57"), Confidence::certain, return_at(0x009FCDB3, Confidence::certain),
     certain(in_slot(0x01093D3C),
             calls_import(0x009FCC97, import_slot::kEnterCriticalSection),
             calls(0x009FCCA7, 0x009FB020),
             calls_import(0x009FCCB3, import_slot::kLeaveCriticalSection),
             calls(0x009FCCE0, 0x009FB170),
             calls_import(0x009FCD10, import_slot::kVirtualAlloc),
             calls_import(0x009FCD1E, import_slot::kLeaveCriticalSection),
             calls(0x009FCD49, 0x00401000),
             calls(0x009FCD69, 0x009FCB50),
             calls_import(0x009FCD98, import_slot::kLeaveCriticalSection)), "A.1", Role::producer},
    {0x00AA3E40, "MemoryManager::Allocate", "the game's allocate", 0, Group::game_heap, Convention::thiscall_, 486, 4,
     bytes("55 8B EC 83 EC 3C 89 4D D0 8B 45 D0 0F B6 08 85 C9"), Confidence::certain, return_at(0x00AA4023, Confidence::certain),
     certain(calls(0x00AA3FE6, 0x00866A90)), "B.2", Role::producer},
    {0x00AA4060, "MemoryManager::Free", "the game's free", 0, Group::game_heap, Convention::thiscall_, 236, 4,
     bytes("55 8B EC 83 EC 14 89 4D F0 83 7D 08 00 75 05 E9"), Confidence::certain, return_at(0x00AA4149, Confidence::certain),
     certain(), "B.2"},
    {0x00AA4150, "MemoryManager::Reallocate1", "first reallocate entry", 0, Group::game_heap_optional, Convention::thiscall_, 140, 8,
     bytes("55 8B EC 83 EC 10 89 4D F0 C7 45 FC 00 00 00 00"), Confidence::certain, return_at(0x00AA41D9, Confidence::certain),
     certain(), "B.2"},
    {0x00AA4200, "MemoryManager::Reallocate2", "second reallocate entry", 0, Group::game_heap, Convention::thiscall_, 140, 8,
     bytes("55 8B EC 83 EC 10 89 4D F0 C7 45 FC 00 00 00 00"), Confidence::certain, return_at(0x00AA4289, Confidence::certain),
     certain(), "B.2"},
    {0x00AA4290, "MemoryManager::DefaultAllocate", "forwards to the CRT malloc", 0, Group::none, Convention::thiscall_, 0, 8,
     bytes("55 8B EC 83 EC 08 89 4D F8 8B 45 08 50 E8 25 8F 42 00"), Confidence::likely, return_unknown(),
     certain(calls(0x00AA429D, 0x00ECD1C7)), "B.2"},
    {0x00AA42C0, "MemoryManager::DefaultFree", "forwards to the CRT free", 0, Group::none, Convention::thiscall_, 25, 8,
     bytes("55 8B EC 51 89 4D FC 8B 45 08 50 E8 C1 8F 42 00"), Confidence::likely, return_at(0x00AA42D6, Confidence::likely),
     certain(calls(0x00AA42CB, 0x00ECD291)), "B.2"},
    {0x00AA42E0, "MemoryManager::ThreadScrapHeap", "scrap heap of the calling thread", 0, Group::thread_scrap_heap, Convention::thiscall_, 191, 0,
     bytes("55 8B EC 6A FF 68 9B EC F1 00 64 A1 00 00 00 00"), Confidence::certain, return_at(0x00AA439E, Confidence::likely),
     certain(), "B.8", Role::producer},
    {0x00AA44C0, "MemoryManager::Size", "size of a block", 0, Group::game_heap, Convention::thiscall_, 221, 4,
     bytes("55 8B EC 83 EC 18 89 4D EC 8B 45 08 C1 E8 18 8B"), Confidence::certain, return_at(0x00AA459A, Confidence::certain),
     certain(), "B.2"},
    {0x00AA53F0, "ScrapHeap::Init", "builds a scrap heap of 64 KB", 0, Group::scrap_heaps, Convention::thiscall_, 27, 0,
     bytes("55 8B EC 51 89 4D FC 68 00 00 01 00 8B 4D FC E8 AC 03 00 00"), Confidence::certain, return_at(0x00AA540A, Confidence::certain),
     certain(calls(0x00AA53FF, 0x00AA57B0)), "B.8", Role::producer},
    {0x00AA5410, "ScrapHeap::InitSized", "builds a scrap heap of a given size", 0, Group::scrap_heaps, Convention::thiscall_, 72, 4,
     bytes("55 8B EC 83 EC 08 89 4D FC 8B 45 08 25 FF FF 00 00"), Confidence::certain, return_at(0x00AA5455, Confidence::certain),
     certain(), "B.8", Role::producer},
    {0x00AA5460, "ScrapHeap::Purge", "gives the buffer back", 0, Group::scrap_heaps, Convention::thiscall_, 62, 0,
     bytes("55 8B EC 83 EC 0C 89 4D F4 8B 45 F4 8B 4D F4 8B"), Confidence::certain, return_at(0x00AA549D, Confidence::certain),
     certain(), "B.8"},
    {0x00AA54A0, "ScrapHeap::Allocate", "stack allocation", 0, Group::scrap_heaps, Convention::thiscall_, 309, 8,
     bytes("55 8B EC 83 EC 34 89 4D D0 C7 45 FC 00 00 00 00"), Confidence::certain, return_at(0x00AA55D2, Confidence::certain),
     certain(calls(0x00AA5581, 0x00AA5E30)), "B.8", Role::producer},
    {0x00AA5610, "ScrapHeap::Free", "stack free", 0, Group::scrap_heaps, Convention::thiscall_, 251, 4,
     bytes("55 8B EC 83 EC 1C 89 4D E4 83 7D 08 00 75 05 E9"), Confidence::certain, return_at(0x00AA5708, Confidence::certain),
     certain(calls(0x00AA56F5, 0x00AA5E90)), "B.8"},
    {0x00AA57B0, "ScrapHeap::Construct", "takes a buffer from the manager", 0, Group::scrap_heaps_optional, Convention::thiscall_, 55, 4,
     bytes("55 8B EC 83 EC 08 89 4D ?? 8D 45 08 50 E8 4E 15 DC FF"), Confidence::likely, return_at(0x00AA57E4, Confidence::likely),
     certain(calls(0x00AA57BD, 0x00866D10)), "B.8"},
    {0x00AA58D0, "ScrapHeapManager::Create", "eager creation of the singleton", 0, Group::providers, Convention::cdecl_, 125, 0,
     bytes("55 8B EC 6A FF 68 FB EC F1 00 64 A1 00 00 00 00"), Confidence::certain, return_at(0x00AA594C, Confidence::likely),
     certain(), "B.8", Role::producer},
    {0x00AA59B0, "ScrapHeapManager::RequestBuffer", "best cached buffer or a new one", 0, Group::none, Convention::thiscall_, 441, 4,
     bytes("55 8B EC 83 EC 30 89 4D D0 8B 45 D0 83 B8 00 02 00 00 00"), Confidence::likely, return_at(0x00AA5B66, Confidence::certain),
     certain(calls(0x00AA59CE, 0x00AA5EC0), calls(0x00AA5A00, 0x00AA5EC0), calls(0x00AA5B2E, 0x00AA5E30)), "B.8"},
    {0x00AA5B70, "ScrapHeapManager::ReleaseBuffer", "caches or frees a buffer", 0, Group::none, Convention::thiscall_, 260, 8,
     bytes("55 8B EC 83 EC 14 89 4D EC 8B 45 EC 83 B8 00 02 00 00 40"), Confidence::likely, return_at(0x00AA5C71, Confidence::certain),
     certain(calls(0x00AA5B90, 0x00AA5F30), calls(0x00AA5BBF, 0x00AA5F30)), "B.8"},
    {0x00AA5C80, "ScrapHeapManager::FreeAllBuffers", "out-of-memory stage 1", 0, Group::providers, Convention::thiscall_, 182, 0,
     bytes("55 8B EC 83 EC 14 89 4D EC 8B 45 EC 83 B8 00 02"), Confidence::certain, return_at(0x00AA5D35, Confidence::certain),
     certain(calls(0x00AA5CE5, 0x00AA5F30)), "B.8"},
    {0x00AA5E30, "ScrapBuffer::Grow", "commits more of a scrap buffer; never fails", 2, Group::scrap_buffers, Convention::thiscall_, 88, 12,
     bytes("55 8B EC 83 EC 0C 89 4D F4 C7 45 FC 00 00 00 00"), Confidence::likely, return_at(0x00AA5E85, Confidence::likely),
     certain(calls_import(0x00AA5E52, import_slot::kVirtualAlloc), calls(0x00AA5E78, 0x00866A90)), "A.3", Role::producer},
    {0x00AA5E90, "ScrapBuffer::Shrink", "decommits the tail of a scrap buffer", 2, Group::scrap_buffers, Convention::thiscall_, 38, 12,
     bytes("55 8B EC 51 89 4D FC 68 00 40 00 00 8B 45 10 50"), Confidence::likely, return_at(0x00AA5EB3, Confidence::likely),
     certain(calls_import(0x00AA5EAA, import_slot::kVirtualFree)), "A.4"},
    {0x00AA5EC0, "ScrapBuffer::Create", "reserves 8 MB and commits the first part; never NULL", 3, Group::scrap_buffers, Convention::thiscall_, 111, 4,
     bytes("55 8B EC 83 EC 10 89 4D F0 6A 04 68 00 20 00 00"), Confidence::likely, return_at(0x00AA5F2C, Confidence::likely),
     certain(calls_import(0x00AA5ED7, import_slot::kVirtualAlloc), calls_import(0x00AA5EF6, import_slot::kVirtualAlloc), calls(0x00AA5F1C, 0x00866A90)), "A.5", Role::producer},
    {0x00AA5F30, "ScrapBuffer::Free", "releases a scrap buffer", 3, Group::scrap_buffers, Convention::thiscall_, 30, 8,
     bytes("55 8B EC 51 89 4D FC 68 00 80 00 00 6A 00 8B 45 08"), Confidence::likely, return_at(0x00AA5F4B, Confidence::likely),
     certain(calls_import(0x00AA5F42, import_slot::kVirtualFree)), "A.6"},
    {0x00AA65B0, "PoolArena::Reserve", "reserves an arena at a multiple of 16 MB", 4, Group::pool_memory, Convention::thiscall_, 86, 0,
     bytes("55 8B EC 83 EC 08 89 4D F8 C7 45 FC 01 00 00 00"), Confidence::certain, return_at(0x00AA6605, Confidence::certain),
     certain(calls_import(0x00AA65DE, import_slot::kVirtualAlloc)), "A.7", Role::producer},
    {0x00AA6610, "PoolPage::Commit", "commits one 4 KB page of a pool, under the pool's spin lock", 5, Group::pool_memory, Convention::thiscall_, 60, 8,
     bytes("55 8B EC 51 89 4D FC 8B 45 08 C1 E0 0C 8B 4D FC"), Confidence::likely, return_at(0x00AA6649, Confidence::likely),
     certain(calls_import(0x00AA663A, import_slot::kVirtualAlloc)), "A.9", Role::producer},
    {0x00AA6650, "PoolPage::Decommit", "decommits one 4 KB page of a pool", 5, Group::pool_memory, Convention::thiscall_, 0, kPopsToldByWalk,
     bytes("55 8B EC 51 89 4D FC 68 00 40 00 00 68 00 10 00 00"), Confidence::likely, return_unknown(),
     certain(calls_import(0x00AA6665, import_slot::kVirtualFree)), "A.10"},
    {0x00AA6680, "PoolArena::Release", "releases an arena", 4, Group::pool_memory, Convention::thiscall_, 0, 0,
     bytes("55 8B EC 51 89 4D FC 68 00 80 00 00 6A 00 8B 45 FC"), Confidence::likely, return_unknown(),
     certain(calls_import(0x00AA6695, import_slot::kVirtualFree)), "A.8"},
    {0x00AA6840, "Pools::ZeroTables", "zeroes both pool tables", 0, Group::providers, Convention::cdecl_, 96, 0,
     bytes("55 8B EC 83 EC 08 C7 45 FC 00 00 00 00 EB 09 8B"), Confidence::certain, return_at(0x00AA689F, Confidence::certain),
     certain(), "B.3"},
    {0x00AA6AA0, "MemoryPool::Allocate", "pops a block", 0, Group::none, Convention::thiscall_, 462, 4,
     bytes("55 8B EC 83 EC 34 89 4D CC 68 DC 27 0A 01 8B 4D CC"), Confidence::certain, return_at(0x00AA6C6B, Confidence::likely),
     certain(calls(0x00AA6B2A, 0x00AA6610)), "B.3"},
    {0x00AA6C70, "MemoryPool::Free", "pushes a block", 0, Group::none, Convention::thiscall_, 138, 4,
     bytes("55 8B EC 83 EC 14 89 4D EC 83 7D 08 00 75 02 EB 73 68 F4 27 0A 01"), Confidence::certain, return_at(0x00AA6CF7, Confidence::certain),
     certain(), "B.3"},
    {0x00AA6F90, "MemoryPool::PurgeEmptyPages", "decommits pages without live blocks", 0, Group::providers, Convention::thiscall_, 157, 0,
     bytes("55 8B EC 83 EC 18 89 4D E8 68 08 28 0A 01 8B 4D E8"), Confidence::certain, return_at(0x00AA702C, Confidence::certain),
     certain(), "B.3"},
    {0x00AA7030, "Pools::PurgeAll", "purges every pool", 0, Group::providers, Convention::cdecl_, 136, 0,
     bytes("55 8B EC 51 A1 D0 6B 1F 01 83 E0 01 75 27 8B 0D"), Confidence::certain, return_at(0x00AA70B7, Confidence::certain),
     certain(), "B.3"},
    {0x00AA7260, "MemoryPool::SortFreeList", "sorts the free list by address", 0, Group::none, Convention::thiscall_, 41, 0,
     bytes("55 8B EC 51 89 4D FC 8B 45 FC 83 78 54 01 76 15"), Confidence::certain, return_at(0x00AA7288, Confidence::certain),
     certain(), "B.3"},
    {0x00AA7290, "Pools::SortOne", "sorts one pool's free list under its lock", 0, Group::providers, Convention::cdecl_, 110, 0,
     bytes("55 8B EC 83 EC 0C 8B 45 08 83 3C 85 B8 67 1F 01 00"), Confidence::certain, return_at(0x00AA72FD, Confidence::certain),
     certain(), "B.3"},
    {0x00AA7300, "MemoryPool::WalkFreeList", "debug walk of the free list", 0, Group::providers, Convention::thiscall_, 106, 0,
     bytes("55 8B EC 83 EC 14 89 4D EC 68 60 28 0A 01 8B 4D EC"), Confidence::certain, return_at(0x00AA7369, Confidence::certain),
     certain(), "B.3"},
    {0x00AA79A0, "HeapBacking::Reserve", "reserves a heap and commits its first part", 6, Group::heap_backing, Convention::thiscall_, 135, 8,
     bytes("55 8B EC 83 EC 10 89 4D F0 8B 45 F0 B9 00 00 01 00"), Confidence::certain, return_at(0x00AA7A24, Confidence::certain),
     certain(in_slot(0x010A292C),
             calls_import(0x00AA79D5, import_slot::kVirtualAlloc),
             calls_import(0x00AA79F3, import_slot::kVirtualAlloc),
             calls_import(0x00AA7A11, import_slot::kVirtualFree)), "A.11", Role::producer},
    {0x00AA7A30, "HeapBacking::Release", "releases a heap", 6, Group::heap_backing, Convention::thiscall_, 30, 4,
     bytes("55 8B EC 51 89 4D FC 68 00 80 00 00 6A 00 8B 45 08"), Confidence::certain, return_at(0x00AA7A4B, Confidence::certain),
     certain(in_slot(0x010A2930), calls_import(0x00AA7A42, import_slot::kVirtualFree)), "A.12"},
    {0x00AA7A50, "HeapTail::Commit", "commits more of a heap in 64 KB steps", 7, Group::heap_tail, Convention::thiscall_, 93, 12,
     bytes("55 8B EC 83 EC 08 89 4D F8 8B 45 08 03 45 0C 89 45 FC"), Confidence::certain, return_at(0x00AA7AAA, Confidence::certain),
     certain(in_slot(0x010A2934), calls_import(0x00AA7A8A, import_slot::kVirtualAlloc)), "A.13", Role::producer},
    {0x00AA7AB0, "HeapTail::Decommit", "decommits the tail of a heap in 64 KB steps", 7, Group::heap_tail, Convention::thiscall_, 110, 12,
     bytes("55 8B EC 83 EC 08 89 4D F8 8B 45 F8 8B 48 10 83 E9 01"), Confidence::certain, return_at(0x00AA7B1B, Confidence::certain),
     certain(in_slot(0x010A2938), calls_import(0x00AA7AEE, import_slot::kVirtualFree)), "A.14"},
    {0x00AA7B20, "MemoryHeap::AllocateAligned", "forwards to the block allocation, drops the alignment", 0, Group::none, Convention::thiscall_, 25, 8,
     bytes("55 8B EC 51 89 4D FC 8B 45 08 50 8B 4D FC E8 1D 14 00 00"), Confidence::certain, return_at(0x00AA7B36, Confidence::certain),
     certain(in_slot(0x010A2904), calls(0x00AA7B2E, 0x00AA8F50)), "B.5"},
    {0x00AA7B40, "MemoryHeap::FreeBlock", "frees a block of the heap", 0, Group::heap_blocks, Convention::thiscall_, 33, 8,
     bytes("55 8B EC 51 89 4D FC 83 7D 08 00 75 02 EB 0C 8B"), Confidence::certain, return_at(0x00AA7B5E, Confidence::certain),
     certain(in_slot(0x010A2908), calls(0x00AA7B56, 0x00AA98F0)), "B.5"},
    {0x00AA7BE0, "MemoryHeap::BlockSize", "payload size of a block", 0, Group::heap_blocks, Convention::thiscall_, 24, 8,
     bytes("55 8B EC 51 89 4D FC 8B 45 08 8B 40 FC 25 FF FF FF 0F"), Confidence::certain, return_at(0x00AA7BF5, Confidence::certain),
     certain(in_slot(0x010A2920)), "B.5"},
    {0x00AA7D60, "HeapInterior::Decommit", "decommits inside a free block; no caller in the game", 8, Group::heap_interior, Convention::thiscall_, 185, 4,
     bytes("55 8B EC 83 EC 10 89 4D F0 8B 45 08 8B 48 04 81 E1 FF FF FF 0F"), Confidence::certain, return_at(0x00AA7E16, Confidence::certain),
     certain(in_slot(0x010A293C), calls_import(0x00AA7DE0, import_slot::kVirtualFree)), "A.15"},
    {0x00AA7E70, "MemoryHeap::Contains", "tells whether an address lies in the heap", 0, Group::heap_blocks, Convention::thiscall_, 62, 4,
     bytes("55 8B EC 83 EC 08 89 4D FC 8B 45 FC 8B 4D 08 3B"), Confidence::certain, return_at(0x00AA7EAB, Confidence::certain),
     certain(in_slot(0x010A290C)), "B.5"},
    {0x00AA8CA0, "MemoryHeap::Initialise", "fills the fields", 0, Group::none, Convention::thiscall_, 243, 16,
     bytes("55 8B EC 83 EC 08 89 4D F8 8B 45 F8 C7 00 C8 28"), Confidence::certain, return_at(0x00AA8D90, Confidence::certain),
     certain(), "B.6"},
    {0x00AA8DD0, "MemoryHeap::ReserveBacking", "asks for the backing; exits when there is none", 0, Group::none, Convention::thiscall_, 200, 0,
     bytes("55 8B EC 83 EC 0C 89 4D F4 8B 45 F4 8B 48 1C 51"), Confidence::certain, return_at(0x00AA8E97, Confidence::certain),
     certain(), "B.6"},
    {0x00AA8F50, "MemoryHeap::Allocate", "block allocation under the heap's lock", 9, Group::heap_blocks, Convention::thiscall_, 2057, 4,
     bytes("55 8B EC 81 EC 74 03 00 00 A1 BC 16 1C 01 33 C5"), Confidence::certain, return_at(0x00AA9756, Confidence::certain),
     certain(calls_import(0x00AA9241, import_slot::kVirtualAlloc),
             calls_import(0x00AA93F7, import_slot::kVirtualAlloc),
             calls_import(0x00AA9612, import_slot::kVirtualAlloc)), "A.16", Role::producer},
    {0x00AA98F0, "MemoryHeap::FreeLocked", "block free under the heap's lock", 0, Group::none, Convention::thiscall_, 121, 4,
     bytes("55 8B EC 83 EC 0C 89 4D F4 83 7D 08 00 75 02 EB 62"), Confidence::certain, return_at(0x00AA9966, Confidence::certain),
     certain(), "B.6"},
    {0x00AA9A70, "MemoryHeap::TrimTail", "gives the committed tail back", 0, Group::none, Convention::thiscall_, 347, 0,
     bytes("55 8B EC 83 EC 20 89 4D E0 8B 45 E0 8B 48 3C 89"), Confidence::certain, return_at(0x00AA9BCA, Confidence::certain),
     certain(), "B.6"},
    {0x00AA9BD0, "MemoryHeap::Coalesce", "merges free neighbours", 0, Group::none, Convention::thiscall_, 201, 4,
     bytes("55 8B EC 83 EC 14 89 4D EC 8B 45 08 89 45 FC 83"), Confidence::certain, return_at(0x00AA9C96, Confidence::certain),
     certain(), "B.6"},
    {0x00ECCF5D, "crt::realloc", "", 0, Group::crt_heap, Convention::cdecl_, 539, 0,
     bytes("6A 10 68 D0 FE 17 01 E8 AB 47 00 00 8B 5D 08 85"), Confidence::certain, return_at(0x00ECD14F, Confidence::certain),
     certain(calls(0x00ECCF64, 0x00ED1714), calls_import(0x00ECD03A, import_slot::kHeapAlloc)), "B.9"},
    {0x00ECD1C7, "crt::malloc", "", 0, Group::crt_heap, Convention::cdecl_, 202, 0,
     bytes("8B FF 55 8B EC 56 8B 75 08 83 FE E0 0F 87 A1 00 00 00"), Confidence::certain, return_at(0x00ECD290, Confidence::certain),
     certain(calls_import(0x00ECD23E, import_slot::kHeapAlloc)), "B.9", Role::producer},
    {0x00ECD291, "crt::free", "", 0, Group::crt_heap, Convention::cdecl_, 142, 0,
     bytes("6A 0C 68 10 FF 17 01 E8 77 44 00 00 8B 75 08 85"), Confidence::certain, return_at(0x00ECD31E, Confidence::certain),
     certain(calls(0x00ECD298, 0x00ED1714), calls_import(0x00ECD2F9, import_slot::kHeapFree)), "B.9"},
    {0x00ECD31F, "crt::_msize", "", 0, Group::crt_heap, Convention::cdecl_, 163, 0,
     bytes("6A 10 68 30 FF 17 01 E8 E9 43 00 00 33 C0 8B 5D"), Confidence::certain, return_at(0x00ECD3B0, Confidence::certain),
     certain(calls(0x00ECD326, 0x00ED1714)), "B.9"},
    {0x00ED0CDF, "crt::_malloc_crt", "", 0, Group::crt_heap, Convention::cdecl_, 69, 0,
     bytes("8B FF 55 8B EC 56 57 33 F6 FF 75 08 E8 D7 C4 FF"), Confidence::certain, return_at(0x00ED0D23, Confidence::certain),
     certain(calls(0x00ED0CEB, 0x00ECD1C7)), "B.9", Role::producer},
    {0x00ED0D24, "crt::_calloc_crt", "", 0, Group::crt_heap, Convention::cdecl_, 76, 0,
     bytes("8B FF 55 8B EC 56 57 33 F6 6A 00 FF 75 0C FF 75"), Confidence::certain, return_at(0x00ED0D6F, Confidence::certain),
     certain(calls(0x00ED0D35, 0x00EE15E2)), "B.9", Role::producer},
    {0x00ED0D70, "crt::_realloc_crt", "", 0, Group::crt_heap, Convention::cdecl_, 78, 0,
     bytes("8B FF 55 8B EC 56 57 33 F6 FF 75 0C FF 75 08 E8"), Confidence::certain, return_at(0x00ED0DBD, Confidence::certain),
     certain(calls(0x00ED0D7F, 0x00ECCF5D)), "B.9"},
    {0x00ED0DBE, "crt::_recalloc_crt", "", 0, Group::crt_heap, Convention::cdecl_, 82, 0,
     bytes("8B FF 55 8B EC 56 57 33 F6 FF 75 10 FF 75 0C FF"), Confidence::certain, return_at(0x00ED0E0F, Confidence::certain),
     certain(calls(0x00ED0DD0, 0x00EE1700)), "B.9"},
    {0x00EDDD7D, "crt::calloc", "", 0, Group::crt_heap, Convention::cdecl_, 64, 0,
     bytes("8B FF 55 8B EC 51 83 65 FC 00 56 8D 45 FC 50 FF"), Confidence::certain, return_at(0x00EDDDBC, Confidence::certain),
     certain(calls(0x00EDDD92, 0x00EE15E2)), "B.9", Role::producer},
    {0x00EDE263, "crt::__sbh_free_block", "frees a block of the CRT's small-block heap; dead unless the heap selector is 3", 10, Group::crt_small_blocks, Convention::cdecl_, 790, 0,
     bytes("8B FF 55 8B EC 83 EC 10 8B 4D 08 8B 41 10 56 8B 75 0C"), Confidence::certain, return_at(0x00EDE578, Confidence::certain),
     certain(calls_import(0x00EDE4AC, import_slot::kVirtualFree),
             calls_import(0x00EDE507, import_slot::kVirtualFree),
             calls_import(0x00EDE519, import_slot::kHeapFree)), "A.17"},
    {0x00EDE579, "crt::__sbh_alloc_new_region", "reserves a small-block region; dead unless the heap selector is 3", 10, Group::crt_small_blocks, Convention::cdecl_, 176, 0,
     bytes("A1 ?? ?? ?? ?? 56 8B 35 ?? ?? ?? ?? 57 33 FF 3B F0"), Confidence::certain, return_at(0x00EDE628, Confidence::certain),
     certain(calls_import(0x00EDE5D6, import_slot::kHeapAlloc),
             calls_import(0x00EDE5F0, import_slot::kVirtualAlloc),
             calls_import(0x00EDE607, import_slot::kHeapFree)), "A.18", Role::producer},
    {0x00EDE629, "crt::__sbh_alloc_new_group", "commits a small-block group; dead unless the heap selector is 3", 10, Group::crt_small_blocks, Convention::cdecl_, 264, 0,
     bytes("8B FF 55 8B EC 51 51 8B 4D 08 8B 41 08 53 56 8B 71 10"), Confidence::certain, return_at(0x00EDE730, Confidence::certain),
     certain(calls_import(0x00EDE67D, import_slot::kVirtualAlloc)), "A.19", Role::producer},
    {0x00EE1700, "crt::_recalloc", "", 0, Group::crt_heap, Convention::cdecl_, 123, 0,
     bytes("8B FF 55 8B EC 8B 4D 0C 53 33 DB 3B CB 76 28 6A"), Confidence::certain, return_at(0x00EE177A, Confidence::certain),
     certain(), "B.9"},
};
// clang-format on

inline constexpr std::size_t kSiteCount = std::size(kSites);

/// The 17 functions of the mission's list; 0xEDE579 and 0xEDE629 belong to pattern 10 but were not on it.
[[nodiscard]] constexpr bool in_mission(const Site& site) noexcept {
    return site.mission_pattern != 0 && site.va != 0x00EDE579 && site.va != 0x00EDE629;
}

/// Front doors in the table: of the game's heaps, of the C runtime and of the scrap heaps.
inline constexpr std::uint32_t kFrontDoorCount = [] {
    std::uint32_t doors = 0;
    for (const Site& site : kSites) {
        doors += is_front_door(site.group) ? 1 : 0;
    }
    return doors;
}();

/// The site at `va`, or nullptr.
[[nodiscard]] constexpr const Site* find_site(Addr va) noexcept {
    for (const Site& site : kSites) {
        if (site.va == va) {
            return &site;
        }
    }
    return nullptr;
}

/// Compile-time look-up: an address that is not in the table does not compile.
consteval const Site& site(Addr va) {
    if (const Site* found = find_site(va)) {
        return *found;
    }
    throw "no such site in the table";
}

namespace detail {
consteval std::size_t mission_size() {
    std::size_t count = 0;
    for (const Site& s : kSites) {
        count += in_mission(s) ? 1 : 0;
    }
    return count;
}
consteval bool table_is_sane() {
    Addr previous = 0;
    for (const Site& s : kSites) {
        if (s.va <= previous) {
            return false;
        }
        previous = s.va;
        if (s.prologue.size < kJumpSize) {
            return false;
        }
        if (s.convention == Convention::cdecl_ && s.bytes_popped != 0) {
            return false;
        }
    }
    return true;
}
}  // namespace detail

inline constexpr std::size_t kMissionCount = 17;
static_assert(detail::mission_size() == kMissionCount);
static_assert(detail::table_is_sane(), "sites ascend, and each knows at least as many bytes as a jump covers");

/// A function of the game that is never replaced, only called. Its start is certain; what it pops is not, so nobody
/// calls it before patch::verify has proven that in the running image.
struct Helper {
    Addr va;
    std::string_view name;
    std::string_view what;
    std::uint16_t size;  ///< bytes of code
    std::uint8_t bytes_popped;
    std::string_view contract;  ///< section of docs/engine-contracts.md
};

/// thiscall on the IOManager with the index of an IO thread on the stack. None checks the index or the thread.
inline constexpr Helper kHelpers[] = {
    {0x00866DA0, "IOManager::SemaphoreOwner", "id of the thread that owns an IO thread's semaphore", 30, 4, "B.10"},
    {0x00866DC0, "IOManager::ReleaseSemaphore", "releases an IO thread's semaphore", 30, 4, "B.10"},
    {0x00866DE0, "IOManager::SignalIdle", "tells an IO thread that it is idle", 30, 4, "B.10"},
};

/// Compile-time look-up: an address that is not in the table does not compile.
consteval const Helper& helper(Addr va) {
    for (const Helper& each : kHelpers) {
        if (each.va == va) {
            return each;
        }
    }
    throw "no such helper in the table";
}

/// A dword of read-only data that holds a function pointer: a vtable slot.
struct PointerSite {
    Addr va;        ///< address of the slot
    Addr expected;  ///< function it points to in the unmodified game
    std::string_view name;
    std::uint8_t bytes_popped;
    Group group;
    std::string_view contract;
};

/// Slots of the MemoryHeap vtable whose functions have no known prologue, so the slot is what gets replaced
/// (engine contract B.5).
inline constexpr PointerSite kPointerSites[] = {
    {0x010A2914, 0x00AA7C60, "MemoryHeap vtable +18 (statistics)", 8, Group::heap_blocks, "B.5"},
    {0x010A2924, 0x00AA7C00, "MemoryHeap vtable +28 (size with header)", 4, Group::heap_blocks, "B.5"},
};

/// Bytes that other components change legitimately; a check of the image accepts them and reports who did it.
struct KnownEdit {
    Addr va;
    std::uint8_t size;
    std::string_view who;
    std::string_view what;
    BytePattern unmodified;  ///< the game's own bytes
};

inline constexpr KnownEdit kKnownEdits[] = {
    {0x00866EA0, 4, "xNVSE", "reserve of the Default heap, setting DefaultHeapInitialAllocMB", bytes("00 00 80 0C")},
    {0x00866F89, 4, "xNVSE", "reserve of the File heap, setting FileHeapSizeMB", bytes("00 00 00 04")},
    {0x00ECC3CB, 5, "a plugin that needs the CRT heap early", "call of _heap_init, NOPs when the heap was built before",
     bytes("E8 9A 17 01 00")},
    {0x00ECC3D3, 1, "a plugin that needs the CRT heap early",
     "jump after _heap_init, EB when the heap was built before", bytes("75")},
};

}  // namespace mp::game
