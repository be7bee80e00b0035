// A small session, recorded into memory by the real writer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "session/writer.h"

namespace mp::session::test {

using Bytes = std::vector<std::uint8_t>;

/// A file in memory. Refuses once it holds `capacity` bytes.
struct MemoryFile {
    Bytes bytes;
    std::size_t capacity = SIZE_MAX;
    std::size_t writes = 0;

    Sink sink() {
        return {[](void* context, const void* data, std::size_t size) {
                    auto& file = *static_cast<MemoryFile*>(context);
                    ++file.writes;
                    if (size > file.capacity - file.bytes.size()) {
                        return false;
                    }
                    const auto* begin = static_cast<const std::uint8_t*>(data);
                    file.bytes.insert(file.bytes.end(), begin, begin + size);
                    return true;
                },
                this};
    }
};

inline constexpr Header kHeader{.start_unix_ms = 1'700'000'000'123, .interval_ms = 1000, .process_id = 42};
inline constexpr std::size_t kSampleCount = 5;

/// Different in every field and every sample.
inline Figures figures(std::uint64_t index) {
    Figures f;
    f.time_ms = 1000 * index;
    f.live_bytes = 1'000'000 + index;
    f.committed_bytes = 2'000'000 + index;
    f.reserved_bytes = 3'000'000 + index;
    f.largest_hole = 4'000'000'000 - index;
    f.total_allocations = 5'000'000'000 * index;
    f.total_frees = 4'000'000'000 * index;
    f.saved_kernel_calls = -3 + static_cast<std::int64_t>(index);
    f.kernel_calls = 7 * index;
    return f;
}

inline std::array<std::uint64_t, 3> counters(std::uint64_t index) {
    return {index, 10 * index, 100 * index};
}
inline std::array<std::uint64_t, 2> histogram(std::uint64_t index) {
    return {8 * index, 9 * index};
}

inline void describe_all(Writer& writer) {
    writer.text("plugin version", "1.2.3");
    writer.text("mode", "full");
    writer.group({.name = "heap blocks", .state = State::replaced, .sites = 8});
    writer.group({.name = "pool memory", .state = State::declined, .sites = 4, .mismatches = 1, .reason = "E9 at +0"});
    writer.site({.address = 0x00AA8F50,
                 .pattern = 9,
                 .in_mission = true,
                 .state = State::replaced,
                 .group = "heap blocks",
                 .name = "MemoryHeap::Allocate"});
    writer.module({.base = 0x10000000,
                   .size = 0x50000,
                   .version = 0x0001000200030004,
                   .kind = ModuleKind::plugin,
                   .name = "other.dll"});
    for (std::uint16_t index = 0; index < 3; ++index) {
        writer.counter({.index = index,
                        .pattern = 9,
                        .role = Role::allocation,
                        .site = 0x00AA8F50,
                        .group = "heap blocks",
                        .name = "blocks"});
    }
    writer.buckets(std::array<std::uint64_t, 2>{64, UINT64_MAX});
}

/// Header, descriptions, samples, an event, the orderly end.
inline Bytes recorded() {
    MemoryFile file;
    Writer writer;
    writer.open(file.sink(), kHeader);
    describe_all(writer);
    for (std::uint64_t i = 0; i < kSampleCount; ++i) {
        writer.sample(figures(i), counters(i), histogram(i));
    }
    writer.event(4500, Severity::warning, "memory was scarce");
    writer.end(5000);
    return file.bytes;
}

}  // namespace mp::session::test
