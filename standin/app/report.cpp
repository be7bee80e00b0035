#include "app/report.h"

#include "engine_counters.h"
#include "startup/console.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>

namespace mp::app {
namespace {

using nlohmann::json;

json calls_json(const meter::KernelCalls& calls) {
    return {{"allocate", calls.allocate},
            {"free", calls.free},
            {"protect", calls.protect},
            {"by_system", calls.by_system},
            {"total", calls.total()}};
}

json optional_json(const std::optional<double>& value) {
    return value.has_value() ? json(*value) : json(nullptr);
}

/// Front doors whose own body ran at least once.
std::uint32_t doors_entered(const standin::EngineCounters& counters) {
    return static_cast<std::uint32_t>(std::ranges::count(counters.entered, true));
}

/// What the engine's own functions did so far, start-up included: a replaced function does nothing here.
json engine_json() {
    const standin::EngineCounters& counters = standin::engine_counters;
    const standin::AllocatorEntries pools = standin::total_pool_entries();
    std::uint64_t stages = 0;
    for (const std::uint32_t stage : counters.oom_stages) {
        stages += stage;
    }
    return {{"out_of_memory_stages", stages},
            {"pools_built", counters.pools_built},
            {"heaps_built", counters.heaps_built},
            {"thread_scrap_heaps_built", counters.thread_scrap_heaps_built},
            {"front_doors_entered", doors_entered(counters)},
            {"pool_allocations", pools.allocations},
            {"pool_frees", pools.frees},
            {"heap_allocations", counters.heaps[0].allocations + counters.heaps[1].allocations},
            {"heap_frees", counters.heaps[0].frees + counters.heaps[1].frees},
            {"heap_tail_allocations", counters.heap_tail_allocations}};
}

json memory_json(const ScenarioResult& result) {
    const double live = static_cast<double>(result.live_bytes);
    return {{"peak_committed", result.peak_committed},
            {"peak_reserved", result.peak_reserved},
            {"end_committed", result.end_committed},
            {"live_bytes", result.live_bytes},
            {"committed_per_live", live == 0 ? 0.0 : static_cast<double>(result.end_committed) / live},
            {"largest_hole", result.smallest_hole}};
}

}  // namespace

json to_json(const Scenario& scenario, const ScenarioResult& result) {
    return {
        {"name", scenario.name},
        {"title", scenario.title},
        {"kind", scenario.kind == Kind::load ? "load" : "frames"},
        {"steps", result.steps},
        {"operations", result.operations},
        {"memory_time_ns",
         {{"mean", result.mean_ns}, {"p99", result.p99_ns}, {"worst", result.worst_ns}, {"total", result.total_ns}}},
        {"kernel_calls", calls_json(result.kernel_calls)},
        {"kernel_calls_since_start", result.calls_since_start},
        {"steady",
         {{"steps", result.steady_steps},
          {"kernel_calls", calls_json(result.steady_calls)},
          {"kernel_calls_per_step",
           static_cast<double>(result.steady_calls.total()) / std::max<std::uint32_t>(1, result.steady_steps)}}},
        {"memory", memory_json(result)},
        {"engine", engine_json()},
        {"step_ns", result.step_ns},
        {"step_kernel_calls", result.step_calls},
        {"errors", result.errors},
        {"first_error", result.first_error}};
}

json to_json(const std::vector<PatternResult>& results) {
    json list = json::array();
    for (const PatternResult& result : results) {
        json functions = json::array();
        for (const PatternFunction& function : result.functions) {
            functions.push_back({{"name", function.name},
                                 {"address", fmt::format("0x{:08X}", function.address)},
                                 {"calls", function.calls}});
        }
        list.push_back({{"pattern", result.number},
                        {"title", result.title},
                        {"loop", result.loop},
                        {"threads", result.threads},
                        {"functions", functions},
                        {"calls", result.calls},
                        {"ns_per_call", result.ns_per_call},
                        {"kernel_calls", calls_json(result.kernel_calls)},
                        {"errors", result.errors},
                        {"first_error", result.first_error}});
    }
    return list;
}

json to_json(const std::vector<DoorResult>& results) {
    json list = json::array();
    for (const DoorResult& result : results) {
        list.push_back({{"size", result.size},
                        {"threads", result.threads},
                        {"pairs", result.pairs},
                        {"ns_per_pair", result.ns_per_pair},
                        {"errors", result.errors}});
    }
    return list;
}

namespace {

json counts_json(const std::vector<StaleCount>& counts) {
    json list = json::array();
    for (const StaleCount& count : counts) {
        list.push_back({{"distance", count.distance},
                        {"objects", count.objects},
                        {"whole", count.whole},
                        {"links", count.links},
                        {"changed", count.changed},
                        {"unreadable", count.unreadable}});
    }
    return list;
}

}  // namespace

json to_json(const std::vector<StaleGroup>& groups) {
    json list = json::array();
    for (const StaleGroup& group : groups) {
        list.push_back({{"title", group.title},
                        {"low", group.low},
                        {"high", group.high},
                        {"after_frees", counts_json(group.after_frees)},
                        {"after_frames", counts_json(group.after_frames)}});
    }
    return list;
}

json to_json(const std::vector<FreedMemory>& results) {
    json list = json::array();
    for (const FreedMemory& freed : results) {
        list.push_back({{"megabytes", freed.megabytes},
                        {"low", freed.low},
                        {"high", freed.high},
                        {"blocks", freed.blocks},
                        {"faults_at_once", freed.faults_at_once},
                        {"faults_after_a_second", freed.faults_after_a_second},
                        {"faults_after_loading", freed.faults_after_loading}});
    }
    return list;
}

json run_console_commands(const Extender& extender) {
    json answers = json::object();
    for (const char* name : {"GetTotalAllocations", "GetTotalFrees", "GetSavedSyscalls", "GetPatchCount",
                             "IsMemorySystemActive", "GetFrontDoorCount"}) {
        standin::clear_console();
        const std::optional<double> number = extender.run_command(name);
        answers[name] = {{"number", optional_json(number)},
                         {"condition", optional_json(extender.eval_condition(name))},
                         {"console", standin::console_lines()}};
    }
    return answers;
}

json run_console_lines(const Extender& extender, const std::vector<std::string>& lines) {
    json answers = json::array();
    for (const std::string& line : lines) {
        standin::clear_console();
        const std::optional<double> number = extender.run_command(line);
        answers.push_back({{"line", line}, {"number", optional_json(number)}, {"console", standin::console_lines()}});
    }
    return answers;
}

bool write_json(const std::string& path, const json& document) {
    std::ofstream file(path);
    file << document.dump(2) << "\n";
    return file.good();
}

}  // namespace mp::app
