// The session file's layout (docs/session-format.md): a header, then records that are only ever appended. All numbers
// are little-endian. Every record carries its own check sum, so that a crash costs at most the record being written and
// a damaged byte at most the record it lies in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace mp::session {

inline constexpr std::array<std::uint8_t, 8> kMagic{'M', 'P', 'N', 'V', 'S', 'E', 'S', 0x1A};
/// Another major version: not readable. Another minor version: record kinds or trailing fields may be unknown; skip
/// them.
inline constexpr std::uint16_t kMajorVersion = 1;
inline constexpr std::uint16_t kMinorVersion = 0;

inline constexpr std::size_t kHeaderSize = 48;
inline constexpr std::uint32_t kRecordMark = 0x4352504D;  ///< "MPRC"
inline constexpr std::size_t kFrameSize = 16;             ///< mark, kind, payload size, sequence number, check sum
inline constexpr std::size_t kMaxPayload = 4096;
inline constexpr std::size_t kMaxCounters = 256;
inline constexpr std::size_t kMaxBuckets = 64;

/// A figure that was not measured.
inline constexpr std::uint64_t kNotMeasured = std::numeric_limits<std::uint64_t>::max();

enum class RecordKind : std::uint16_t {
    text = 1,     ///< a key and its value
    group = 2,    ///< a coherence group and what became of it
    site = 3,     ///< a function or slot of the game and what became of it
    module = 4,   ///< a module of the process
    counter = 5,  ///< what a sample's counter of this index counts
    buckets = 6,  ///< upper bounds of the size histogram
    sample = 7,
    event = 8,  ///< something worth telling, with its time
    end = 9,    ///< the session ended in order
};

/// What became of a group or site.
enum class State : std::uint8_t {
    replaced,
    declined,    ///< its bytes are not the expected ones
    not_needed,  ///< intact, but a group that it builds on was declined
    failed,      ///< intact, but the transaction was rolled back
    not_asked,   ///< the mode does not replace it
};
inline constexpr std::size_t kStateCount = 5;

enum class Role : std::uint8_t {
    other,
    allocation,
    release,       ///< a free of that kind
    page_request,  ///< a commit or decommit that the game asked for
    kernel_saved,  ///< kernel calls that the game's own code would have made
    kernel_made,   ///< kernel calls that were made instead
};
inline constexpr std::size_t kRoleCount = 6;

enum class ModuleKind : std::uint8_t { other, game, extender, plugin, system };
inline constexpr std::size_t kModuleKindCount = 5;

enum class Severity : std::uint8_t { note, warning, error };
inline constexpr std::size_t kSeverityCount = 3;

/// The general figures of one sample. Totals count from the session's start; a figure that is not measured is
/// kNotMeasured.
struct Figures {
    std::uint64_t time_ms = 0;                         ///< since the session's start
    std::uint64_t live_bytes = kNotMeasured;           ///< handed out and not freed
    std::uint64_t committed_bytes = kNotMeasured;      ///< of the process
    std::uint64_t reserved_bytes = kNotMeasured;       ///< of the process, committed memory included
    std::uint64_t own_committed_bytes = kNotMeasured;  ///< of our allocator
    std::uint64_t own_reserved_bytes = kNotMeasured;
    std::uint64_t largest_hole = kNotMeasured;  ///< largest free run of address space
    std::uint64_t total_allocations = 0;        ///< docs/statistics.md
    std::uint64_t total_frees = 0;              ///< the same
    std::int64_t saved_kernel_calls = 0;        ///< the same; may be negative
    std::uint64_t kernel_calls = kNotMeasured;  ///< made by us
    std::uint64_t failed_allocations = 0;       ///< requests that our allocator could not serve
    std::uint64_t frames = kNotMeasured;        ///< frames of the game
    std::uint64_t frame_ns = kNotMeasured;      ///< time of those frames
    std::uint64_t memory_ns = kNotMeasured;     ///< of it inside memory functions
    std::uint64_t threads = kNotMeasured;       ///< threads with a heap of ours
};
inline constexpr std::size_t kFigureCount = 16;
static_assert(sizeof(Figures) == kFigureCount * sizeof(std::uint64_t));

/// Payload of a sample: two counts of 16 bits, 4 bytes of zero, the figures, the counters, the histogram.
constexpr std::size_t sample_payload_size(std::size_t counters, std::size_t buckets) noexcept {
    return 8 + 8 * (kFigureCount + counters + buckets);
}
static_assert(sample_payload_size(kMaxCounters, kMaxBuckets) <= kMaxPayload);

}  // namespace mp::session
