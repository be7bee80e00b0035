// What a session comes to: totals, peaks, what is active, what is worth a warning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "session/reader.h"

namespace mp::report {

/// Totals of a pattern or of a group of front doors.
struct Activity {
    std::uint64_t allocations = 0;
    std::uint64_t releases = 0;
    std::uint64_t page_requests = 0;
    [[nodiscard]] std::uint64_t all() const noexcept { return allocations + releases + page_requests; }
};

struct PatternSummary {
    std::uint8_t number = 0;
    std::string name;
    std::vector<session::Site> functions;  ///< and those that are replaced together with them
    std::size_t replaced = 0;              ///< of `functions`
    bool counted = false;                  ///< the session has counters for it
    Activity activity;
};

/// A coherence group outside the ten patterns.
struct DoorSummary {
    session::Group group;
    std::vector<session::Site> functions;
    bool counted = false;
    Activity activity;
};

/// A figure over the session; nothing where it was not measured.
struct Range {
    std::optional<std::uint64_t> smallest;
    std::optional<std::uint64_t> largest;
    std::optional<std::uint64_t> last;
};

enum class Health : std::uint8_t {
    good,
    watch,     ///< works; something is worth a look
    partial,   ///< some of the functions that the mode asks for are not replaced
    inactive,  ///< nothing is replaced
};

struct Summary {
    double seconds = 0;       ///< from the first to the last sample
    std::size_t patched = 0;  ///< of the 17 functions
    std::size_t asked = 0;    ///< of the 17 functions, how many the mode asks for
    Health health = Health::inactive;
    std::vector<std::string> warnings;
    std::vector<PatternSummary> patterns;  ///< always ten
    std::vector<DoorSummary> doors;
    Range live;
    Range committed;
    Range reserved;
    Range own_committed;
    Range own_reserved;
    Range hole;
    std::uint64_t allocations = 0;
    std::uint64_t frees = 0;
    std::int64_t saved_kernel_calls = 0;
    std::optional<std::uint64_t> kernel_calls;
    std::uint64_t failed_allocations = 0;
    std::optional<double> frame_ms;      ///< mean
    std::optional<double> memory_share;  ///< of the frames' time, 0 to 1
    [[nodiscard]] double per_second(std::uint64_t total) const noexcept {
        return seconds > 0 ? static_cast<double>(total) / seconds : 0;
    }
};

Summary summarise(const session::Session& session);

/// "good", "watch", "partial", "inactive"
std::string_view health_name(Health health) noexcept;
std::string_view state_name(session::State state) noexcept;

}  // namespace mp::report
