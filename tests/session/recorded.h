// A small session, recorded into memory by the real writer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "session/writer.h"

namespace mp::session::test {

/// A file in memory. Refuses once it holds `capacity` bytes.
struct MemoryFile {
    std::string text;
    std::size_t capacity = SIZE_MAX;
    std::size_t writes = 0;

    Sink sink() {
        return {[](void* context, const void* data, std::size_t size) {
                    auto& file = *static_cast<MemoryFile*>(context);
                    ++file.writes;
                    if (size > file.capacity - file.text.size()) {
                        return false;
                    }
                    file.text.append(static_cast<const char*>(data), size);
                    return true;
                },
                this};
    }
};

inline constexpr std::size_t kRows = 5;

/// A total that grows, a level that goes up and down, one that never changes, and a total below zero.
inline std::array<std::int64_t, 4> figures(std::size_t row) {
    const auto i = static_cast<std::int64_t>(row);
    return {5'000'000'000 * i, i % 2 == 0 ? 3'000'000 : 1'000, 0, -7 * i};
}

inline void open(Writer& writer, MemoryFile& file) {
    writer.open(file.sink());
    for (const char* name : {"allocations", "live KB", "never used", "kernel calls saved"}) {
        writer.column(name);
    }
    writer.begin();
}

/// First line, facts, rows with an event between them, the orderly end.
inline std::string recorded() {
    MemoryFile file;
    Writer writer;
    open(writer, file);
    writer.event(0, "plugin version", "1.2.3");
    writer.event(0, "mode", "full");
    for (std::size_t i = 0; i < kRows; ++i) {
        writer.row(std::uint64_t{1000} * i, figures(i));
    }
    writer.event(4500, kWarning, "it said \"no\", twice,\nand went on");
    writer.event(5000, kEnd, "in order");
    return file.text;
}

}  // namespace mp::session::test
