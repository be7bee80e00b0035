// One program per side: measures one thing per call and prints one line of JSON. bench.py calls it, again and again, a
// process for every measurement, so that address space and page faults are a measurement's own.
#include "bench_main.h"
#include "exchange.h"
#include "measure.h"
#include "micro.h"
#include "scenario.h"
#include "session.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using namespace mp::bench;
using nlohmann::json;

struct Arguments {
    std::string name;
    SessionOptions session;
    Surroundings surroundings;
    ExchangeOptions exchange;
    std::string mode = "pair";
    std::uint32_t size = 64;
    std::uint32_t count = 100000;
    std::uint64_t bytes = std::uint64_t{64} << 20;
};

void print(const json& line) {
    std::puts(line.dump().c_str());
}

double per(std::uint64_t sum, std::uint64_t count) {
    return count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count);
}

json to_json(const Footprint& footprint) {
    return {{"live", footprint.live},
            {"reserved", footprint.space.reserved},
            {"committed", footprint.space.committed},
            {"resident", footprint.space.resident}};
}

/// Highest and 99th-percentile frame.
json frame_times(std::vector<FrameTime> frames, std::uint64_t FrameTime::* part) {
    if (frames.empty()) {
        return nullptr;
    }
    std::ranges::sort(frames, {}, part);
    const std::size_t last = frames.size() - 1;
    return {{"median", frames[frames.size() / 2].*part},
            {"p99", frames[last * 99 / 100].*part},
            {"worst", frames[last].*part}};
}

json to_json(const Result& result, const Arguments& arguments) {
    json line = {{"workload", arguments.name},
                 {"threads", arguments.session.threads},
                 {"seed", arguments.session.seed},
                 {"started", result.started}};
    if (!result.started) {
        return line;
    }
    const std::uint64_t frame_operations = result.tally.operations - result.load_operations;
    line.update({{"operations", result.tally.operations},
                 {"cpu_ns", per(result.cpu_ns, result.tally.operations)},
                 {"load_ns", per(result.load_ns, result.load_operations)},
                 {"frame_ns", per(result.cpu_ns - std::min(result.cpu_ns, result.load_ns), frame_operations)},
                 {"frame_cpu", frame_times(result.frames, &FrameTime::all_ns)},
                 {"main_cpu", frame_times(result.frames, &FrameTime::main_ns)},
                 {"page_faults", result.page_faults},
                 {"failed", result.end.failed},
                 {"corrupt", result.end.corrupt},
                 {"leaked", result.end.live_bytes},
                 {"peak_live", result.peak_live},
                 {"peak_reserved", result.peak_reserved},
                 {"peak_reserved_sampled", result.peak.reserved},
                 {"peak_committed", result.peak.committed},
                 {"peak_resident", result.peak.resident},
                 {"committed_over_live", result.committed_over_live},
                 {"last", to_json(result.last)},
                 {"halved", to_json(result.halved)},
                 {"trimmed", to_json(result.trimmed)},
                 {"pinned", result.pinned != 0 ? json(result.pinned) : json(nullptr)},
                 {"shattered_free", result.shattered_free}});
    return line;
}

int play_session(const Arguments& arguments) {
    const auto play = make_session(arguments.name, arguments.session);
    if (play == nullptr) {
        std::fprintf(stderr, "no session named %s\n", arguments.name.c_str());
        return 2;
    }
    print(to_json(measure(*play, arguments.session.threads, arguments.surroundings), arguments));
    return 0;
}

int play_scenario(Arguments arguments) {
    const SessionOptions& options = arguments.session;
    const auto play = make_scenario(arguments.name, options.seed, options.scale_percent, options.frames);
    if (play == nullptr) {
        std::fprintf(stderr, "no scenario named %s\n", arguments.name.c_str());
        return 2;
    }
    arguments.session.threads = scenario_threads(arguments.name);
    print(to_json(measure(*play, arguments.session.threads, arguments.surroundings), arguments));
    return 0;
}

int show_idle(const Arguments& arguments) {
    const IdleThreads idle = measure_idle_threads(arguments.session.threads);
    print({{"threads", arguments.session.threads},
           {"started", idle.started},
           {"reserved", idle.reserved},
           {"committed", idle.committed}});
    return 0;
}

int repeat_pairs(const Arguments& arguments) {
    const PairMode mode = arguments.mode == "pair"    ? PairMode::pair
                          : arguments.mode == "batch" ? PairMode::batch
                                                      : PairMode::empty;
    const bool started = run_pairs(mode, arguments.size, arguments.count);
    print({{"mode", arguments.mode}, {"size", arguments.size}, {"count", arguments.count}, {"started", started}});
    return 0;
}

int show_remote(const Arguments& arguments) {
    const double ns = measure_remote_pairs(arguments.size, arguments.session.threads, arguments.count);
    print({{"size", arguments.size}, {"threads", arguments.session.threads}, {"ns", ns}});
    return 0;
}

int show_exchange(const Arguments& arguments) {
    const ExchangeOptions& options = arguments.exchange;
    const Exchange exchange = measure_exchange(options);
    print({{"low", options.low},
           {"high", options.high},
           {"threads", options.threads},
           {"seed", options.seed},
           {"started", exchange.started},
           {"cpu_ns", exchange.ns},
           {"operations", exchange.operations},
           {"failed", exchange.end.failed},
           {"corrupt", exchange.end.corrupt}});
    return 0;
}

int show_fresh(const Arguments& arguments) {
    print({{"bytes", arguments.bytes}, {"ns_per_page", measure_fresh_pages(arguments.bytes)}});
    return 0;
}

void add_session_options(CLI::App& command, Arguments& arguments) {
    command.add_option("name", arguments.name)->required();
    command.add_option("--seed", arguments.session.seed, "seed of all decisions");
    command.add_option("--scale", arguments.session.scale_percent, "percent of the blocks");
    command.add_option("--frames", arguments.session.frames, "frames; 0: the session's own number");
    command.add_option("--limit", arguments.surroundings.limit, "bytes of address space beyond the start");
}

/// Not a subcommand: everything behind it is for the benchmark library.
bool wants_micro(int argc, char** argv) {
    return argc > 1 && std::string(argv[1]) == "micro";
}

}  // namespace

int mp::bench::answer_nothing(const void* /*address*/) {
    return 0;
}

int bench_main(int argc, char** argv) {
    prepare_process();
    if (wants_micro(argc, argv)) {
        return run_micro(argc - 1, argv + 1) ? 0 : 2;
    }
    Arguments arguments;
    CLI::App app("Measures one allocator");
    app.require_subcommand(1);
    CLI::App* const session = app.add_subcommand("session", "small, mix, long or heaps");
    add_session_options(*session, arguments);
    session->add_option("--threads", arguments.session.threads, "threads")->check(CLI::Range(1, 64));
    session->add_option("--largest", arguments.session.largest, "no block above this many bytes");
    session->add_option("--hole", arguments.surroundings.largest_hole, "largest hole of the address space, bytes");
    session->add_option("--holes", arguments.surroundings.holes, "bytes of all holes");
    CLI::App* const scenario = app.add_subcommand("scenario", "one of the stand-in's scenarios");
    add_session_options(*scenario, arguments);
    CLI::App* const idle = app.add_subcommand("idle", "memory of idle threads");
    idle->add_option("--threads", arguments.session.threads, "threads")->check(CLI::Range(2, 64));
    CLI::App* const pairs = app.add_subcommand("pairs", "malloc and free, to be counted from outside");
    pairs->add_option("--mode", arguments.mode, "pair, batch or empty")
        ->check(CLI::IsMember({"pair", "batch", "empty"}));
    CLI::App* const remote = app.add_subcommand("remote", "blocks freed by another thread");
    remote->add_option("--threads", arguments.session.threads, "threads")->check(CLI::Range(2, 64));
    for (CLI::App* const command : {pairs, remote}) {
        command->add_option("--size", arguments.size, "block size, bytes");
        command->add_option("--count", arguments.count, "pairs, or rounds");
    }
    CLI::App* const exchange = app.add_subcommand("exchange", "blocks of random sizes, replaced in random order");
    exchange->add_option("--low", arguments.exchange.low, "smallest block, bytes")->check(CLI::Range(4, 1 << 20));
    exchange->add_option("--high", arguments.exchange.high, "largest block, bytes")->check(CLI::Range(4, 1 << 24));
    exchange->add_option("--threads", arguments.exchange.threads, "threads")->check(CLI::Range(1, 64));
    exchange->add_option("--seed", arguments.exchange.seed, "seed of all decisions");
    exchange->add_option("--frames", arguments.exchange.frames, "frames of 4,000 replacements a thread");
    CLI::App* const fresh = app.add_subcommand("fresh", "cost of memory never used before");
    fresh->add_option("--bytes", arguments.bytes, "bytes");
    CLI11_PARSE(app, argc, argv);

    arguments.surroundings.seed = arguments.session.seed;
    if (*session) {
        return play_session(arguments);
    }
    if (*scenario) {
        return play_scenario(arguments);
    }
    if (*idle) {
        return show_idle(arguments);
    }
    if (*pairs) {
        return repeat_pairs(arguments);
    }
    if (*exchange) {
        return show_exchange(arguments);
    }
    return *remote ? show_remote(arguments) : show_fresh(arguments);
}
