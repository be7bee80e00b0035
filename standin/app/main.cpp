// The stand-in's application: plays one scenario or a session of all, or measures patterns, doors and stale reads, in
// the process of the game.
#include "app/busy_exit.h"
#include "app/early_meter.h"
#include "app/patterns.h"
#include "app/report.h"
#include "app/scenario_run.h"
#include "app/session_run.h"
#include "game/nvse_abi.h"
#include "meter/kernel_meter.h"
#include "startup/standin_main.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace mp::app {
namespace {

enum ExitCode : int { kGood = 0, kUsage = 2, kNoMeter = 4, kCorruption = 5, kNoReport = 6 };

struct Arguments {
    std::string scenario;
    SessionOptions session;
    bool patterns = false;
    bool list = false;
    bool stale = false;
    bool commands = false;
    std::vector<std::string> console;
    std::string busy_exit;
    std::string json;
    RunOptions run;
};

void declare(CLI::App& cli, Arguments& arguments) {
    CLI::Option* scenario = cli.add_option("--scenario", arguments.scenario, "play this scenario");
    CLI::Option* session =
        cli.add_option("--session", arguments.session.seconds, "play every scenario in turns for so many seconds")
            ->excludes(scenario)
            ->check(CLI::PositiveNumber);
    cli.add_option("--rounds", arguments.session.rounds, "play the session so many times, one after the other")
        ->needs(session)
        ->check(CLI::PositiveNumber);
    cli.add_flag("--patterns", arguments.patterns, "measure the ten patterns and the front doors");
    cli.add_flag("--stale", arguments.stale, "free objects and look at them later");
    cli.add_option("--busy-exit", arguments.busy_exit, "end the process while its threads allocate")
        ->check(CLI::IsMember({"orderly", "abrupt"}));
    cli.add_option("--address-space", arguments.run.address_space_mb,
                   "MB of address space left to the process when the scenario begins (0 = all)")
        ->needs(scenario);
    cli.add_option("--largest-hole", arguments.run.largest_hole_mb,
                   "MB of the largest free stretch that is left then (0 = as they lie)")
        ->needs(scenario);
    cli.add_option("--threads", arguments.run.threads, "threads at least: those of other scenarios join in")
        ->needs(scenario)
        ->check(CLI::Range(1, 60));
    cli.add_flag("--list", arguments.list, "print the names of the scenarios");
    cli.add_flag("--commands", arguments.commands, "run the plugin's console commands at the end");
    cli.add_option("--console", arguments.console, "then run this line in the console; can be given several times")
        ->allow_extra_args(false);
    cli.add_option("--seed", arguments.run.seed, "seed of the scenario");
    cli.add_option("--frames", arguments.run.steps, "number of frames or load steps (default: the scenario's own)");
    cli.add_option("--scale", arguments.run.scale_percent, "per cent of the work")->check(CLI::Range(1, 1000));
    cli.add_option("--json", arguments.json, "write the results to this file");
}

void print_list() {
    for (const Scenario& scenario : scenarios()) {
        fmt::print("{}\n", scenario.name);
    }
}

/// Number of errors; the JSON gets the results.
std::uint32_t play(const Arguments& arguments, const Extender& extender, nlohmann::json& document) {
    const Scenario& scenario = *find_scenario(arguments.scenario);
    const ScenarioResult result = run_scenario(scenario, arguments.run, extender);
    document["scenario"] = to_json(scenario, result);
    fmt::print("{}: {} operations, {} steps, mean {:.3f} ms, worst {:.3f} ms, {} kernel calls, {} of them by the "
               "system's heaps ({} and {} in the last third)\n",
               scenario.title, result.operations, result.steps, result.mean_ns / 1e6, result.worst_ns / 1e6,
               result.kernel_calls.total(), result.kernel_calls.by_system, result.steady_calls.total(),
               result.steady_calls.by_system);
    if (result.errors != 0) {
        fmt::print(stderr, "{} errors; the first: {}\n", result.errors, result.first_error);
    }
    return result.errors;
}

/// Number of errors; the JSON gets what was played.
std::uint32_t play_all(const Arguments& arguments, const Extender& extender, nlohmann::json& document) {
    SessionOptions wanted = arguments.session;
    wanted.seed = arguments.run.seed;
    wanted.frames = arguments.run.steps;
    wanted.scale_percent = arguments.run.scale_percent;
    const SessionResult session = play_session(wanted, extender);
    document["session"] = {{"scenarios", session.scenarios}, {"frames", session.frames}, {"seconds", session.seconds}};
    for (const RoundMemory& round : session.rounds) {
        document["session"]["rounds"].push_back(
            {{"committed", round.committed}, {"reserved", round.reserved}, {"smallest_hole", round.smallest_hole}});
    }
    fmt::print("session: {} scenarios, {} frames, {:.1f} s\n", session.scenarios.size(), session.frames,
               session.seconds);
    if (session.errors != 0) {
        fmt::print(stderr, "{} errors; the first: {}\n", session.errors, session.first_error);
    }
    return session.errors;
}

std::uint32_t measure(const Arguments& arguments, const Extender& extender, nlohmann::json& document) {
    extender.main_loop_pass();
    const std::vector<PatternResult> results = run_patterns(arguments.run.seed, arguments.run.scale_percent);
    document["patterns"] = to_json(results);
    std::uint32_t errors = 0;
    for (const PatternResult& result : results) {
        errors += result.errors;
        fmt::print("pattern {:2} x{}: {:10.1f} ns/call, {} kernel calls in {} calls{}{}\n", result.number,
                   result.threads, result.ns_per_call, result.kernel_calls.total(), result.calls,
                   result.errors == 0 ? "" : " ERROR: ", result.first_error);
    }
    const std::vector<DoorResult> doors = measure_doors(arguments.run.scale_percent);
    document["doors"] = to_json(doors);
    for (const DoorResult& door : doors) {
        errors += door.errors;
        fmt::print("{} bytes allocated and freed, {} threads: {:.1f} ns\n", door.size, door.threads, door.ns_per_pair);
    }
    return errors;
}

int run(const Arguments& arguments) {
    if (const char* reason = meter_failure(); reason != nullptr) {
        fmt::print(stderr, "meter unavailable: {}\n", reason);
        return kNoMeter;
    }
    const Extender extender;
    nlohmann::json document{{"seed", arguments.run.seed}, {"plugins", extender.plugins()}};
    std::uint32_t errors = arguments.patterns ? measure(arguments, extender, document) : 0;
    if (arguments.stale) {
        document["stale"] = to_json(probe_stale_reads(arguments.run.seed, arguments.run.scale_percent));
        document["freed"] = to_json(probe_freed_memory(extender, arguments.run.seed, arguments.run.scale_percent));
    }
    if (!arguments.scenario.empty()) {
        errors += play(arguments, extender, document);
    }
    if (arguments.session.seconds > 0) {
        errors += play_all(arguments, extender, document);
    }
    if (arguments.commands) {
        document["commands"] = run_console_commands(extender);
    }
    if (!arguments.console.empty()) {
        document["console"] = run_console_lines(extender, arguments.console);
    }
    document["errors"] = errors;
    meter::stop();  // the plugin restores the engine's code now, and suspends whoever lives
    extender.message(nvse::kMessageExitGame);
    if (!arguments.json.empty() && !write_json(arguments.json, document)) {
        fmt::print(stderr, "cannot write {}\n", arguments.json);
        return kNoReport;
    }
    return errors == 0 ? kGood : kCorruption;
}

}  // namespace
}  // namespace mp::app

extern "C" int standin_win_main(int argc, char** argv) {
    using namespace mp::app;
    CLI::App cli{"Stand-in of the game: scenarios and measurements of its memory system"};
    Arguments arguments;
    declare(cli, arguments);
    CLI11_PARSE(cli, argc, argv);
    if (arguments.list) {
        print_list();
        return kGood;
    }
    if (!arguments.busy_exit.empty()) {
        mp::meter::stop();
        exit_while_busy(arguments.busy_exit == "abrupt" ? BusyExit::abrupt : BusyExit::orderly,
                        static_cast<unsigned>(arguments.run.seed));
        return kGood;
    }
    if (!arguments.scenario.empty() && find_scenario(arguments.scenario) == nullptr) {
        fmt::print(stderr, "unknown scenario {}; --list tells the known ones\n", arguments.scenario);
        return kUsage;
    }
    if (!arguments.patterns && !arguments.stale && arguments.scenario.empty() && arguments.session.seconds <= 0) {
        fmt::print(stderr, "name a scenario (--list tells them) or ask for --session, --patterns or --stale\n");
        return kUsage;
    }
    return run(arguments);
}
