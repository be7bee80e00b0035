#include "report/summary.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "game/patterns.h"
#include "game/sites.h"

namespace mp::report {

namespace {

using session::Figures;
using session::kNotMeasured;
using session::Sample;
using session::Session;
using session::State;

/// Below this largest hole the game is about to run out of address space: a texture or a cell may need that much at
/// once.
constexpr std::uint64_t kScarceHole = 64ULL << 20;

Range range_of(const Session& session, std::uint64_t Figures::* figure) {
    Range range;
    for (const Sample& sample : session.samples) {
        const std::uint64_t value = sample.figures.*figure;
        if (value == kNotMeasured) {
            continue;
        }
        range.smallest = std::min(range.smallest.value_or(value), value);
        range.largest = std::max(range.largest.value_or(value), value);
        range.last = value;
    }
    return range;
}

std::uint64_t last_value(const Session& session, const session::Counter& counter) {
    if (session.samples.empty() || counter.index >= session.samples.back().counters.size()) {
        return 0;
    }
    return session.samples.back().counters[counter.index];
}

/// Adds a counter's total where its role says. False for roles that are no activity.
bool add(Activity& activity, const session::Counter& counter, std::uint64_t value) {
    switch (counter.role) {
    case session::Role::allocation:
        activity.allocations += value;
        return true;
    case session::Role::release:
        activity.releases += value;
        return true;
    case session::Role::page_request:
        activity.page_requests += value;
        return true;
    case session::Role::other:
    case session::Role::kernel_saved:
    case session::Role::kernel_made:
        break;
    }
    return false;
}

/// Pattern under which a site is shown: its own, or, for a companion without one, the last of its group. 0: none.
std::uint8_t shown_under(const Session& session, const session::Site& site) {
    std::uint8_t number = site.pattern;
    for (const session::Site& other : session.sites) {
        if (site.pattern == 0 && other.group == site.group) {
            number = std::max(number, other.pattern);
        }
    }
    return number;
}

PatternSummary pattern(const Session& session, std::uint8_t number) {
    PatternSummary result{
        .number = number, .name = std::string(game::pattern_name(number)), .functions = {}, .activity = {}};
    for (const session::Site& site : session.sites) {
        if (shown_under(session, site) == number) {
            result.functions.push_back(site);
            result.replaced += site.state == State::replaced ? 1 : 0;
        }
    }
    for (const session::Counter& counter : session.counters) {
        if (counter.pattern == number) {
            result.counted |= add(result.activity, counter, last_value(session, counter));
        }
    }
    return result;
}

/// True for a site of a group that was to be replaced, whatever became of it.
bool is_asked(const Session& session, const session::Site& site) {
    return std::ranges::any_of(session.groups, [&site](const session::Group& group) {
        return group.name == site.group && group.state != State::not_asked;
    });
}

bool has_pattern(const Session& session, const std::string& group) {
    return std::ranges::any_of(
        session.sites, [&group](const session::Site& site) { return site.group == group && site.pattern != 0; });
}

DoorSummary door(const Session& session, const session::Group& group) {
    DoorSummary result{.group = group, .functions = {}, .activity = {}};
    std::ranges::copy_if(session.sites, std::back_inserter(result.functions),
                         [&group](const session::Site& site) { return site.group == group.name; });
    for (const session::Counter& counter : session.counters) {
        if (counter.pattern == 0 && counter.group == group.name) {
            result.counted |= add(result.activity, counter, last_value(session, counter));
        }
    }
    return result;
}

void add_groups_warnings(Summary& summary, const Session& session) {
    for (const session::Group& group : session.groups) {
        if (group.state == State::declined) {
            summary.warnings.push_back(fmt::format("{} was left alone: {} of {} functions differ. {}", group.name,
                                                   group.mismatches, group.sites, group.reason));
        } else if (group.state == State::failed) {
            summary.warnings.push_back(
                fmt::format("{} could not be replaced and was put back. {}", group.name, group.reason));
        }
    }
}

void add_memory_warnings(Summary& summary, const Session& session) {
    if (summary.hole.smallest && *summary.hole.smallest < kScarceHole) {
        summary.warnings.push_back(
            fmt::format("Address space became scarce: the largest hole fell to {} MB.", *summary.hole.smallest >> 20));
    }
    if (summary.failed_allocations != 0) {
        summary.warnings.push_back(
            fmt::format("{} requests could not be served by the plugin's allocator.", summary.failed_allocations));
    }
    if (session.text("large address aware") == "no") {
        summary.warnings.emplace_back(
            "The game is not large address aware and can use 2 GB only: run the FNV 4GB Patcher.");
    }
}

void add_session_warnings(Summary& summary, const Session& session) {
    if (!session.ended_at_ms) {
        summary.warnings.emplace_back("The session has no orderly end: the game crashed, was ended or still runs.");
    }
    const session::Damage& damage = session.damage;
    if (damage.stretches != 0 || damage.lost_records != 0 || damage.header) {
        summary.warnings.push_back(fmt::format("The session file is damaged: {} records are missing{}.",
                                               damage.lost_records,
                                               damage.header ? ", and its start time is unknown" : ""));
    }
    for (const session::Event& event : session.events) {
        if (event.severity != session::Severity::note) {
            summary.warnings.push_back(event.text);
        }
    }
}

Health judge(const Summary& summary) {
    if (summary.patched == 0) {
        return Health::inactive;
    }
    if (summary.patched < summary.asked) {
        return Health::partial;
    }
    return summary.warnings.empty() ? Health::good : Health::watch;
}

void add_totals(Summary& summary, const Figures& last) {
    summary.allocations = last.total_allocations;
    summary.frees = last.total_frees;
    summary.saved_kernel_calls = last.saved_kernel_calls;
    summary.failed_allocations = last.failed_allocations;
    if (last.kernel_calls != kNotMeasured) {
        summary.kernel_calls = last.kernel_calls;
    }
    if (last.frames != kNotMeasured && last.frame_ns != kNotMeasured && last.frames != 0 && last.frame_ns != 0) {
        summary.frame_ms = static_cast<double>(last.frame_ns) / static_cast<double>(last.frames) / 1e6;
        if (last.memory_ns != kNotMeasured) {
            summary.memory_share = static_cast<double>(last.memory_ns) / static_cast<double>(last.frame_ns);
        }
    }
}

}  // namespace

Summary summarise(const Session& session) {
    Summary summary;
    summary.live = range_of(session, &Figures::live_bytes);
    summary.committed = range_of(session, &Figures::committed_bytes);
    summary.reserved = range_of(session, &Figures::reserved_bytes);
    summary.own_committed = range_of(session, &Figures::own_committed_bytes);
    summary.own_reserved = range_of(session, &Figures::own_reserved_bytes);
    summary.hole = range_of(session, &Figures::largest_hole);
    if (!session.samples.empty()) {
        const Figures& first = session.samples.front().figures;
        const Figures& last = session.samples.back().figures;
        summary.seconds = static_cast<double>(last.time_ms - first.time_ms) / 1000;
        add_totals(summary, last);
    }
    summary.patched = static_cast<std::size_t>(std::ranges::count_if(
        session.sites, [](const session::Site& site) { return site.in_mission && site.state == State::replaced; }));
    summary.asked = static_cast<std::size_t>(std::ranges::count_if(
        session.sites, [&session](const session::Site& site) { return site.in_mission && is_asked(session, site); }));
    for (std::uint8_t number = 1; number <= game::kPatternCount; ++number) {
        summary.patterns.push_back(pattern(session, number));
    }
    for (const session::Group& group : session.groups) {
        if (!has_pattern(session, group.name)) {
            summary.doors.push_back(door(session, group));
        }
    }
    add_groups_warnings(summary, session);
    add_memory_warnings(summary, session);
    add_session_warnings(summary, session);
    summary.health = judge(summary);
    return summary;
}

std::string_view health_name(Health health) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"good", "watch", "partial", "inactive"};
    return kNames[static_cast<std::size_t>(health)];
}

std::string_view state_name(State state) noexcept {
    constexpr std::array<std::string_view, session::kStateCount> kNames{"replaced", "declined", "not needed",
                                                                        "rolled back", "not asked for"};
    return kNames[static_cast<std::size_t>(state)];
}

}  // namespace mp::report
