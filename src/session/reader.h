// Reads a session file, whole or not: a record that was torn by a crash, a stretch that was damaged and records of a
// newer minor version are left out and told of. For tools and the report; allocates, may throw std::bad_alloc only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "session/format.h"

namespace mp::session {

struct Group {
    std::string name;
    State state = State::not_asked;
    std::uint8_t sites = 0;
    std::uint8_t mismatches = 0;
    std::string reason;
};

struct Site {
    std::uint32_t address = 0;
    std::uint8_t pattern = 0;
    bool in_mission = false;
    bool is_slot = false;
    State state = State::not_asked;
    std::string group;
    std::string name;
};

struct Module {
    std::uint32_t base = 0;
    std::uint32_t size = 0;
    std::uint64_t version = 0;
    ModuleKind kind = ModuleKind::other;
    std::string name;
};

struct Counter {
    std::uint16_t index = 0;
    std::uint8_t pattern = 0;
    Role role = Role::other;
    std::uint32_t site = 0;
    std::string group;
    std::string name;
};

struct Sample {
    Figures figures;
    std::vector<std::uint64_t> counters;
    std::vector<std::uint64_t> histogram;
};

struct Event {
    std::uint64_t time_ms = 0;
    Severity severity = Severity::note;
    std::string text;
};

/// What could not be read.
struct Damage {
    bool header = false;              ///< its check sum is wrong: start time and interval are unknown
    std::size_t stretches = 0;        ///< places in the middle where bytes had to be skipped
    std::size_t skipped_bytes = 0;    ///< in all of them
    std::size_t lost_records = 0;     ///< as the sequence numbers tell
    std::size_t tail_bytes = 0;       ///< behind the last good record: torn by a crash
    std::size_t unknown_records = 0;  ///< of a kind that this version does not know
    [[nodiscard]] bool any() const noexcept { return header || stretches != 0 || lost_records != 0 || tail_bytes != 0; }
};

struct Session {
    std::uint16_t minor_version = 0;
    std::uint64_t start_unix_ms = 0;
    std::uint32_t interval_ms = 0;
    std::uint32_t process_id = 0;
    std::map<std::string, std::string> texts;
    std::vector<Group> groups;
    std::vector<Site> sites;
    std::vector<Module> modules;
    std::vector<Counter> counters;  ///< ascending index
    std::vector<std::uint64_t> bucket_bounds;
    std::vector<Sample> samples;  ///< ascending time
    std::vector<Event> events;
    std::optional<std::uint64_t> ended_at_ms;  ///< nothing: the process did not end in order, or still runs
    Damage damage;

    /// Value of a text record, `otherwise` when there is none.
    [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise = {}) const;
};

enum class ReadFailure : std::uint8_t {
    not_a_session,  ///< the first bytes are not those of a session file
    other_version,  ///< written by another major version
    no_record,      ///< nothing behind the header can be read
};

struct ReadError {
    ReadFailure failure = ReadFailure::not_a_session;
    std::uint16_t major_version = 0;  ///< for other_version
};

/// One line for people.
std::string describe(const ReadError& error);

/// `progress` is called now and then with the bytes done, when there is one.
std::expected<Session, ReadError> read(std::span<const std::uint8_t> file,
                                       const std::function<void(std::size_t)>& progress = {});

}  // namespace mp::session
