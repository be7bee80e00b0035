// One run of a scenario, and what it measured.
#pragma once

#include "app/extender.h"
#include "app/traffic.h"
#include "meter/kernel_meter.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mp::app {

struct RunOptions {
    std::uint64_t seed = 1;
    std::uint32_t steps = 0;  ///< 0 = the scenario's own
    std::uint32_t scale_percent = 100;
    std::uint32_t address_space_mb = 0;  ///< left to the process when the play begins; 0 = all
    std::uint32_t largest_hole_mb = 0;   ///< what is left then lies in holes of no more than that; 0 = as it lies
    std::uint32_t threads = 0;           ///< at least so many: threads of the other scenarios join in
    double seconds = 0;                  ///< ends after so long, even when steps are left; 0 = plays all steps
    std::uint32_t frames_a_second = 0;   ///< no more than so many; 0 = as fast as it goes
};

struct ScenarioResult {
    std::uint32_t steps = 0;  ///< that were played
    std::uint64_t operations = 0;
    std::vector<std::uint64_t> step_calls;  ///< kernel calls of each step, all threads
    std::vector<double> step_ns;            ///< main thread's memory time of each step
    double mean_ns = 0;
    double p99_ns = 0;
    double worst_ns = 0;
    double total_ns = 0;
    meter::KernelCalls kernel_calls;      ///< of all steps
    std::uint64_t calls_since_start = 0;  ///< since the process's start, the preparation of steps not counted
    meter::KernelCalls steady_calls;      ///< of the last third
    std::uint32_t steady_steps = 0;       ///< 0: time was over before all steps were played
    std::uint64_t peak_committed = 0;     ///< bytes that the process took since its start, largest value of this run
    std::uint64_t peak_reserved = 0;
    std::uint64_t end_committed = 0;  ///< when the last step is over
    std::uint64_t smallest_hole = 0;  ///< smallest value seen of the largest free stretch
    std::uint64_t live_bytes = 0;     ///< asked for by live blocks at the end
    std::uint32_t errors = 0;
    std::string first_error;
};

ScenarioResult run_scenario(const Scenario& scenario, const RunOptions& options, const Extender& extender);

}  // namespace mp::app
