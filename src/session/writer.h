// Writes a session file. For the plugin: no exception, no allocation, one write call a record. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "session/format.h"

namespace mp::session {

/// Appends `size` bytes to the file, all or an error. Must not throw.
struct Sink {
    bool (*write)(void* context, const void* data, std::size_t size) = nullptr;
    void* context = nullptr;
};

struct Header {
    std::uint64_t start_unix_ms = 0;  ///< wall clock at the session's start, UTC
    std::uint32_t interval_ms = 1000;
    std::uint32_t process_id = 0;
};

struct GroupInfo {
    std::string_view name{};
    State state = State::not_asked;
    std::uint8_t sites = 0;
    std::uint8_t mismatches = 0;
    std::string_view reason{};  ///< why it was declined, "" otherwise
};

struct SiteInfo {
    std::uint32_t address = 0;
    std::uint8_t pattern = 0;  ///< 1 to 10, 0 outside the patterns
    bool in_mission = false;   ///< one of the 17 functions
    bool is_slot = false;      ///< a vtable slot instead of a function
    State state = State::not_asked;
    std::string_view group{};
    std::string_view name{};
};

struct ModuleInfo {
    std::uint32_t base = 0;
    std::uint32_t size = 0;
    std::uint64_t version = 0;  ///< four 16-bit parts, 0 when unknown
    ModuleKind kind = ModuleKind::other;
    std::string_view name{};
};

struct CounterInfo {
    std::uint16_t index = 0;   ///< position in a sample
    std::uint8_t pattern = 0;  ///< 0 outside the patterns
    Role role = Role::other;
    std::uint32_t site = 0;  ///< the function that it belongs to, 0 when it belongs to several
    std::string_view group{};
    std::string_view name{};
};

class Writer {
public:
    /// Writes the header. False when the sink refuses; the writer then stays closed.
    bool open(const Sink& sink, const Header& header) noexcept;
    [[nodiscard]] bool is_open() const noexcept { return sink_.write != nullptr; }

    // Each returns false when the writer is closed, the record does not fit or the sink refuses. After a refusal the
    // writer is closed: a file with a torn record in its middle helps nobody.
    bool text(std::string_view key, std::string_view value) noexcept;
    bool group(const GroupInfo& group) noexcept;
    bool site(const SiteInfo& site) noexcept;
    bool module(const ModuleInfo& module) noexcept;
    bool counter(const CounterInfo& counter) noexcept;
    /// Upper bounds in bytes, ascending; the last bucket holds everything above the one before it.
    bool buckets(std::span<const std::uint64_t> upper_bounds) noexcept;
    bool sample(const Figures& figures, std::span<const std::uint64_t> counters,
                std::span<const std::uint64_t> histogram) noexcept;
    bool event(std::uint64_t time_ms, Severity severity, std::string_view text) noexcept;
    /// The session ends in order; closes the writer.
    bool end(std::uint64_t time_ms) noexcept;

private:
    class Record;
    bool append(Record& record) noexcept;
    bool put(std::size_t size) noexcept;

    Sink sink_{};
    std::uint32_t sequence_ = 0;
    std::array<std::uint8_t, kFrameSize + kMaxPayload> buffer_{};
};

}  // namespace mp::session
