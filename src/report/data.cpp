#include "report/data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "game/patterns.h"
#include "game/sites.h"
#include "report/summary.h"

namespace mp::report {

namespace {

using Json = nlohmann::ordered_json;
using session::Figures;
using session::kNotMeasured;
using session::Sample;
using session::Session;

constexpr double kMegabyte = 1024.0 * 1024.0;

double rounded(double value, double step) {
    return std::round(value / step) * step;
}

/// A few neighbouring samples that make one point of a chart.
using Point = std::span<const Sample>;

std::vector<Point> points(const Session& session, std::size_t most) {
    const std::span<const Sample> all(session.samples);
    const std::size_t width = std::max<std::size_t>(1, (all.size() + most - 1) / most);
    std::vector<Point> result;
    for (std::size_t at = 0; at < all.size(); at += width) {
        result.push_back(all.subspan(at, std::min(width, all.size() - at)));
    }
    return result;
}

enum class Keep : std::uint8_t { largest, smallest };

/// A level over time, in MB; null where it was not measured.
Json level(const std::vector<Point>& points, std::uint64_t Figures::* figure, Keep keep) {
    Json values = Json::array();
    for (const Point& point : points) {
        std::optional<std::uint64_t> kept;
        for (const Sample& sample : point) {
            const std::uint64_t value = sample.figures.*figure;
            if (value != kNotMeasured) {
                kept = !kept ? value : keep == Keep::largest ? std::max(*kept, value) : std::min(*kept, value);
            }
        }
        values.push_back(kept ? Json(rounded(static_cast<double>(*kept) / kMegabyte, 0.01)) : Json(nullptr));
    }
    return values;
}

/// Seconds between the ends of a point and of the one before it; nothing for the first.
std::optional<double> seconds_before(const std::vector<Point>& points, std::size_t index) {
    if (index == 0) {
        return std::nullopt;
    }
    const std::uint64_t now = points[index].back().figures.time_ms;
    const std::uint64_t before = points[index - 1].back().figures.time_ms;
    return now > before ? std::optional(static_cast<double>(now - before) / 1000) : std::nullopt;
}

/// Growth of a total per second; `total` gives it for a sample, nothing where it was not measured.
template <typename Total>
Json rate(const std::vector<Point>& points, Total total) {
    Json values = Json::array();
    for (std::size_t i = 0; i < points.size(); ++i) {
        const std::optional<double> seconds = seconds_before(points, i);
        const std::optional<double> now = total(points[i].back());
        const std::optional<double> before = i != 0 ? total(points[i - 1].back()) : std::nullopt;
        const bool known = seconds && now && before && *now >= *before;
        values.push_back(known ? Json(rounded((*now - *before) / *seconds, 0.01)) : Json(nullptr));
    }
    return values;
}

/// Sum of the counters that `belongs` accepts and that are activity of the game.
template <typename Belongs>
Json activity_rate(const std::vector<Point>& points, const Session& session, session::Role role, Belongs belongs) {
    return rate(points, [&](const Sample& sample) -> std::optional<double> {
        double sum = 0;
        for (const session::Counter& counter : session.counters) {
            if (counter.role == role && belongs(counter) && counter.index < sample.counters.size()) {
                sum += static_cast<double>(sample.counters[counter.index]);
            }
        }
        return sum;
    });
}

template <typename Belongs>
Json activity_rates(const std::vector<Point>& points, const Session& session, Belongs belongs) {
    return {{"allocations", activity_rate(points, session, session::Role::allocation, belongs)},
            {"releases", activity_rate(points, session, session::Role::release, belongs)},
            {"page_requests", activity_rate(points, session, session::Role::page_request, belongs)}};
}

Json activity_json(const Activity& activity, const Summary& summary) {
    return {{"allocations", activity.allocations},
            {"releases", activity.releases},
            {"page_requests", activity.page_requests},
            {"per_second", rounded(summary.per_second(activity.all()), 0.1)}};
}

Json sites_json(const std::vector<session::Site>& sites) {
    Json list = Json::array();
    for (const session::Site& site : sites) {
        list.push_back({{"address", fmt::format("0x{:08X}", site.address)},
                        {"name", site.name},
                        {"state", state_name(site.state)},
                        {"in_mission", site.in_mission}});
    }
    return list;
}

Json patterns_json(const Session& session, const Summary& summary, const std::vector<Point>& points) {
    Json list = Json::array();
    for (const PatternSummary& pattern : summary.patterns) {
        list.push_back({{"number", pattern.number},
                        {"name", pattern.name},
                        {"functions", sites_json(pattern.functions)},
                        {"replaced", pattern.replaced},
                        {"counted", pattern.counted},
                        {"totals", activity_json(pattern.activity, summary)},
                        {"rates", activity_rates(points, session, [&pattern](const session::Counter& counter) {
                             return counter.pattern == pattern.number;
                         })}});
    }
    return list;
}

Json doors_json(const Session& session, const Summary& summary, const std::vector<Point>& points) {
    Json list = Json::array();
    for (const DoorSummary& door : summary.doors) {
        list.push_back({{"name", door.group.name},
                        {"state", state_name(door.group.state)},
                        {"reason", door.group.reason},
                        {"functions", sites_json(door.functions)},
                        {"counted", door.counted},
                        {"totals", activity_json(door.activity, summary)},
                        {"rates", activity_rates(points, session, [&door](const session::Counter& counter) {
                             return counter.pattern == 0 && counter.group == door.group.name;
                         })}});
    }
    return list;
}

Json groups_json(const Session& session) {
    Json list = Json::array();
    for (const session::Group& group : session.groups) {
        list.push_back({{"name", group.name},
                        {"state", state_name(group.state)},
                        {"sites", group.sites},
                        {"mismatches", group.mismatches},
                        {"reason", group.reason}});
    }
    return list;
}

Json counters_json(const Session& session) {
    Json list = Json::array();
    for (const session::Counter& counter : session.counters) {
        const bool sampled = !session.samples.empty() && counter.index < session.samples.back().counters.size();
        list.push_back({{"name", counter.name},
                        {"group", counter.group},
                        {"pattern", counter.pattern},
                        {"total", sampled ? Json(session.samples.back().counters[counter.index]) : Json(nullptr)}});
    }
    return list;
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes >= 1U << 20) {
        return fmt::format("{} MB", bytes >> 20);
    }
    return bytes >= 1024 ? fmt::format("{} KB", bytes >> 10) : fmt::format("{} B", bytes);
}

Json histogram_json(const Session& session) {
    Json labels = Json::array();
    Json counts = Json::array();
    const std::vector<std::uint64_t> none;
    const std::vector<std::uint64_t>& values = session.samples.empty() ? none : session.samples.back().histogram;
    for (std::size_t i = 0; i < std::min(values.size(), session.bucket_bounds.size()); ++i) {
        const std::uint64_t bound = session.bucket_bounds[i];
        const bool open = bound == UINT64_MAX && i != 0;
        labels.push_back(open ? "above " + bytes_text(session.bucket_bounds[i - 1]) : "to " + bytes_text(bound));
        counts.push_back(values[i]);
    }
    return {{"labels", labels}, {"counts", counts}};
}

Json range_json(const Range& range) {
    const auto megabytes = [](const std::optional<std::uint64_t>& value) {
        return value ? Json(rounded(static_cast<double>(*value) / kMegabyte, 0.01)) : Json(nullptr);
    };
    return {{"smallest", megabytes(range.smallest)},
            {"largest", megabytes(range.largest)},
            {"last", megabytes(range.last)}};
}

template <typename Number>
Json or_null(const std::optional<Number>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json totals_json(const Summary& summary) {
    return {{"seconds", summary.seconds},
            {"patched", summary.patched},
            {"functions", game::kMissionCount},
            {"functions_asked", summary.asked},
            {"allocations", summary.allocations},
            {"frees", summary.frees},
            {"allocations_per_second", rounded(summary.per_second(summary.allocations), 0.1)},
            {"saved_kernel_calls", summary.saved_kernel_calls},
            {"kernel_calls", or_null(summary.kernel_calls)},
            {"failed_allocations", summary.failed_allocations},
            {"live_mb", range_json(summary.live)},
            {"committed_mb", range_json(summary.committed)},
            {"reserved_mb", range_json(summary.reserved)},
            {"own_committed_mb", range_json(summary.own_committed)},
            {"own_reserved_mb", range_json(summary.own_reserved)},
            {"largest_hole_mb", range_json(summary.hole)},
            {"frame_ms", or_null(summary.frame_ms)},
            {"memory_share", or_null(summary.memory_share)}};
}

/// Share of the frames' time inside memory functions, per cent.
Json memory_share(const std::vector<Point>& points) {
    Json values = Json::array();
    for (std::size_t i = 0; i < points.size(); ++i) {
        Json share(nullptr);
        if (i != 0) {
            const Figures& now = points[i].back().figures;
            const Figures& before = points[i - 1].back().figures;
            const bool measured = now.frame_ns != kNotMeasured && now.memory_ns != kNotMeasured &&
                                  before.frame_ns != kNotMeasured && before.memory_ns != kNotMeasured;
            if (measured && now.frame_ns > before.frame_ns && now.memory_ns >= before.memory_ns) {
                share = rounded(100.0 * static_cast<double>(now.memory_ns - before.memory_ns) /
                                    static_cast<double>(now.frame_ns - before.frame_ns),
                                0.001);
            }
        }
        values.push_back(share);
    }
    return values;
}

std::optional<double> measured(std::uint64_t value) {
    return value != kNotMeasured ? std::optional(static_cast<double>(value)) : std::nullopt;
}

/// Seconds from the start to the end of each point.
Json times(const std::vector<Point>& points) {
    Json list = Json::array();
    for (const Point& point : points) {
        list.push_back(static_cast<double>(point.back().figures.time_ms) / 1000);
    }
    return list;
}

Json series_json(const std::vector<Point>& points) {
    Json saved = Json::array();
    Json made = Json::array();
    for (const Point& point : points) {
        const Figures& last = point.back().figures;
        saved.push_back(last.saved_kernel_calls);
        made.push_back(last.kernel_calls != kNotMeasured ? Json(last.kernel_calls) : Json(nullptr));
    }
    return {{"time_s", times(points)},
            {"live_mb", level(points, &Figures::live_bytes, Keep::largest)},
            {"committed_mb", level(points, &Figures::committed_bytes, Keep::largest)},
            {"reserved_mb", level(points, &Figures::reserved_bytes, Keep::largest)},
            {"own_committed_mb", level(points, &Figures::own_committed_bytes, Keep::largest)},
            {"own_reserved_mb", level(points, &Figures::own_reserved_bytes, Keep::largest)},
            {"largest_hole_mb", level(points, &Figures::largest_hole, Keep::smallest)},
            {"allocations_per_s", rate(points, [](const Sample& s) { return measured(s.figures.total_allocations); })},
            {"frees_per_s", rate(points, [](const Sample& s) { return measured(s.figures.total_frees); })},
            {"frames_per_s", rate(points, [](const Sample& s) { return measured(s.figures.frames); })},
            {"saved_kernel_calls", saved},
            {"kernel_calls", made},
            {"memory_share_percent", memory_share(points)}};
}

std::string version_text(std::uint64_t version) {
    return version == 0 ? ""
                        : fmt::format("{}.{}.{}.{}", version >> 48, version >> 32 & 0xFFFF, version >> 16 & 0xFFFF,
                                      version & 0xFFFF);
}

Json modules_json(const Session& session) {
    constexpr std::array<std::string_view, session::kModuleKindCount> kKinds{"other", "game", "extender", "plugin",
                                                                             "system"};
    Json list = Json::array();
    for (const session::Module& module : session.modules) {
        list.push_back({{"name", module.name},
                        {"kind", kKinds[static_cast<std::size_t>(module.kind)]},
                        {"version", version_text(module.version)},
                        {"base", fmt::format("0x{:08X}", module.base)},
                        {"kb", module.size >> 10}});
    }
    return list;
}

Json events_json(const Session& session) {
    constexpr std::array<std::string_view, session::kSeverityCount> kSeverities{"note", "warning", "error"};
    Json list = Json::array();
    for (const session::Event& event : session.events) {
        list.push_back({{"time_s", static_cast<double>(event.time_ms) / 1000},
                        {"severity", kSeverities[static_cast<std::size_t>(event.severity)]},
                        {"text", event.text}});
    }
    return list;
}

Json damage_json(const session::Damage& damage) {
    return {{"header", damage.header},
            {"lost_records", damage.lost_records},
            {"skipped_bytes", damage.skipped_bytes},
            {"tail_bytes", damage.tail_bytes},
            {"unknown_records", damage.unknown_records}};
}

/// "2026-11-23 20:15:00 UTC", "" when unknown.
std::string time_text(std::uint64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::array<char, 64> text{};
    const std::tm* utc = unix_ms != 0 ? std::gmtime(&seconds) : nullptr;
    return utc != nullptr && std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", utc) != 0 ? text.data()
                                                                                                        : "";
}

}  // namespace

nlohmann::ordered_json session_data(const Session& session, const std::string& label) {
    const Summary summary = summarise(session);
    const std::vector<Point> thinned = points(session, kMostPoints);
    const std::vector<Point> coarse = points(session, kMostActivityPoints);
    return {{"label", label},
            {"start", time_text(session.start_unix_ms)},
            {"interval_ms", session.interval_ms},
            {"samples", session.samples.size()},
            {"ended_in_order", session.ended_at_ms.has_value()},
            {"health", health_name(summary.health)},
            {"warnings", summary.warnings},
            {"info", session.texts},
            {"totals", totals_json(summary)},
            {"activity_time_s", times(coarse)},
            {"patterns", patterns_json(session, summary, coarse)},
            {"doors", doors_json(session, summary, coarse)},
            {"groups", groups_json(session)},
            {"counters", counters_json(session)},
            {"series", series_json(thinned)},
            {"histogram", histogram_json(session)},
            {"modules", modules_json(session)},
            {"events", events_json(session)},
            {"damage", damage_json(session.damage)}};
}

}  // namespace mp::report
