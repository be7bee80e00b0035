#include "app/session_run.h"

#include "app/clock.h"
#include "app/scenario_run.h"

#include <algorithm>

namespace mp::app {
namespace {

constexpr std::string_view kTour[] = {"initial-load", "strip",     "area-transition", "combat",
                                      "scripted",     "save-load", "streaming",       "modded"};

std::uint32_t scenes_from(const std::string_view* place) {
    return static_cast<std::uint32_t>(std::count_if(
        place, std::end(kTour), [](std::string_view name) { return find_scenario(name)->kind == Kind::frames; }));
}

void add_to(RoundMemory& round, const ScenarioResult& result) {
    round.committed = std::max(round.committed, result.peak_committed);
    round.reserved = std::max(round.reserved, result.peak_reserved);
    round.smallest_hole =
        round.smallest_hole == 0 ? result.smallest_hole : std::min(round.smallest_hole, result.smallest_hole);
}

void play_round(const SessionOptions& wanted, std::uint64_t seed, const Extender& extender, SessionResult& session) {
    const Stopwatch watch;
    RoundMemory round;
    for (const std::string_view& name : kTour) {
        const Scenario& scenario = *find_scenario(name);
        RunOptions options{.seed = seed, .scale_percent = wanted.scale_percent};
        if (scenario.kind == Kind::frames && wanted.frames != 0) {
            options.steps = wanted.frames;
        } else if (scenario.kind == Kind::frames) {
            const double left = std::max(0.0, wanted.seconds - watch.nanoseconds() / 1e9);
            // Never 0, which would mean all steps; one step is always played.
            options.seconds = std::max(1e-3, left / scenes_from(&name));
            options.frames_a_second = kFramesASecond;
            options.steps = static_cast<std::uint32_t>(options.seconds * kFramesASecond) + 1;
        }
        const ScenarioResult result = run_scenario(scenario, options, extender);
        session.scenarios.push_back(name);
        session.frames += scenario.kind == Kind::frames ? result.steps : 0;
        if (session.errors == 0) {
            session.first_error = result.first_error;
        }
        session.errors += result.errors;
        add_to(round, result);
    }
    session.rounds.push_back(round);
}

}  // namespace

SessionResult play_session(const SessionOptions& wanted, const Extender& extender) {
    const Stopwatch watch;
    SessionResult session;
    for (std::uint32_t i = 0; i < wanted.rounds; ++i) {
        play_round(wanted, wanted.seed + i, extender, session);
    }
    session.seconds = watch.nanoseconds() / 1e9;
    return session;
}

}  // namespace mp::app
