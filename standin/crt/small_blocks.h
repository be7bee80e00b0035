// Layouts of the CRT's small-block heap (engine contract A.17 to A.19). A region is 1 MB of address space in 32 groups
// of 32 KB; a group is 8 pages; a page holds entries of whole 16-byte paragraphs. User memory starts 4 bytes into an
// entry, so it is 16-byte aligned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "game/layouts.h"

namespace mp::standin::small_blocks {

inline constexpr std::uint32_t kLargest = 0x3F8;  ///< requests up to here are served; larger ones go to the system heap
inline constexpr std::uint32_t kRegionBytes = 0x100000;
inline constexpr std::uint32_t kGroupBytes = 0x8000;
inline constexpr std::uint32_t kPageBytes = 0x1000;
inline constexpr std::uint32_t kGroups = 32;
inline constexpr std::uint32_t kBins = 64;
inline constexpr std::uint32_t kParagraph = 16;
inline constexpr std::uint32_t kEntryOffset = 0x0C;     ///< first entry of a page
inline constexpr std::uint32_t kWholePage = 0xFF0;      ///< an entry that fills its page
inline constexpr std::uint32_t kSentinel = 0xFFFFFFFF;  ///< size words at both ends of a page: never free
inline constexpr std::uint32_t kAllUncommitted = 0xFFFFFFFF;
inline constexpr std::uint32_t kTaken = 1;  ///< in both size words of an entry
inline constexpr std::uint32_t kHeadersPerStep = 16;

/// Front of an entry; its size stands in its last dword too. The links are valid while it is free.
struct Entry {
    std::uint32_t size;
    Entry* next;
    Entry* previous;
};

/// A ring of free entries. Seen as an Entry it starts 4 bytes earlier, so that the links fall together.
struct Ring {
    Entry* next;
    Entry* previous;
};

struct Group {
    std::uint32_t taken_entries;
    Ring rings[kBins];
};

/// Descriptor of a region.
struct Region {
    std::uint32_t group_in_use;
    std::uint8_t groups_with[kBins];  ///< number of groups that have free entries in this bin
    std::uint32_t bins_high[kGroups];
    std::uint32_t bins_low[kGroups];
    Group groups[kGroups];
};

#if defined(__i386__)
static_assert(sizeof(Group) == 0x204);
static_assert(sizeof(Region) == 0x41C4);
#endif

}  // namespace mp::standin::small_blocks
