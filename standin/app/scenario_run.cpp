#include "app/scenario_run.h"

#include "app/actor.h"
#include "app/address_limit.h"
#include "app/clock.h"
#include "app/engine_calls.h"
#include "app/media_pins.h"
#include "app/team.h"
#include "meter/address_space.h"

#include <algorithm>
#include <memory>

namespace mp::app {
namespace {

constexpr std::uint32_t kSampleEvery = 20;  ///< steps between two looks for the largest hole

class Run {
public:
    Run(const Scenario& scenario, const RunOptions& options, const Extender& extender)
        : scenario_(scenario), options_(options), extender_(extender), pins_(options.seed) {
        steps_ = options.steps != 0 ? options.steps : scenario.steps;
        // Nothing of the harness may ask for memory while the meter counts.
        result_.step_ns.reserve(steps_);
        result_.step_calls.reserve(steps_);
        make_actors();
        main_actor().expect(residents());
    }

    ScenarioResult play() {
        meter::begin_memory_peak();
        // Behind the harness's own containers, which are not to be what dies of it.
        if (options_.address_space_mb != 0 || options_.largest_hole_mb != 0) {
            limit_address_space(std::uint64_t{options_.address_space_mb} << 20, options_.largest_hole_mb << 20);
        }
        start_threads();
        populate();
        start_ = meter::all_threads();
        look_for_hole();
        for (std::uint32_t step = 0; step < steps_ && (step == 0 || !time_is_over()); ++step) {
            if (step == steps_ - steps_ / 3) {
                steady_start_ = meter::all_threads();
            }
            const Stopwatch watch;
            const meter::KernelCalls before = meter::all_threads();
            play_step(step);
            result_.step_calls.push_back((meter::all_threads() - before).total());
            wait_for_next_frame(watch);
        }
        collect();
        return result_;
    }

private:
    void make_actors() {
        for (const Traffic& traffic : scenario_.threads) {
            add_actor(traffic);
        }
        for (std::size_t i = 0; actors_.size() < options_.threads; ++i) {
            const Scenario& other = scenarios()[i % scenarios().size()];
            for (const Traffic& traffic : other.threads) {
                if (traffic.role != Role::main && other.name != scenario_.name && actors_.size() < options_.threads) {
                    add_actor(traffic);
                }
            }
        }
    }

    void add_actor(const Traffic& traffic) {
        const std::uint64_t seed = options_.seed * 1000 + actors_.size() + 1;
        actors_.push_back(std::make_unique<Actor>(traffic, ActorOptions{seed, options_.scale_percent, scenario_.cycle,
                                                                        scenario_.burst_period, scenario_.cells}));
    }

    Actor& main_actor() { return *actors_.front(); }

    [[nodiscard]] std::uint32_t residents() const {
        return static_cast<std::uint32_t>(static_cast<std::uint64_t>(scenario_.resident) * options_.scale_percent /
                                          100);
    }

    void start_threads() {
        const meter::Pause pause;
        main_actor().open_scrap_heaps();
        for (std::size_t i = 1; i < actors_.size(); ++i) {
            if (!team_.add(*actors_[i])) {
                result_.errors = 1;
                result_.first_error = "a thread could not be made";
            }
        }
    }

    /// Counted since the start, and not among the steps.
    void populate() { main_actor().populate(residents(), scenario_.resident_sizes, scenario_.resident_cell); }

    [[nodiscard]] bool changes_pin(std::uint32_t step) const {
        return scenario_.pin_period != 0 && step % scenario_.pin_period == scenario_.pin_period / 2;
    }

    /// Behind a load's last step the game's first frame follows.
    [[nodiscard]] bool shows_loading_screen(std::uint32_t step) const {
        return scenario_.kind == Kind::load && step + 1 != steps_;
    }

    [[nodiscard]] bool time_is_over() const {
        return options_.seconds > 0 && since_start_.nanoseconds() >= options_.seconds * 1e9;
    }

    void wait_for_next_frame(const Stopwatch& frame) const {
        while (options_.frames_a_second != 0 && frame.nanoseconds() * options_.frames_a_second < 1e9) {
            Sleep(1);
        }
    }

    void play_step(std::uint32_t step) {
        const bool new_cell = scenario_.changes_cell(step);
        {
            const meter::Pause pause;
            if (new_cell) {
                for (const auto& actor : actors_) {
                    actor->release_oldest_cell();
                }
            }
            team_.start(Phase::prepare, step);
            main_actor().prepare(step);
            team_.join_all();
        }
        run_timed(step, new_cell);
        look_after(step);
    }

    void run_timed(std::uint32_t step, bool new_cell) {
        const Stopwatch watch;
        team_.start(Phase::run, step);
        extender_.main_loop_pass();
        main_actor().run();
        if (changes_pin(step)) {
            pins_.change();
        }
        if (new_cell) {
            fn::kPurgePools();
        }
        if (scenario_.kind == Kind::load) {
            team_.join_all();  // a load is over when its loaders are
        } else {
            team_.join(Crew::ai);
            sort_pools_step();
        }
        extender_.frame_present(shows_loading_screen(step));
        result_.step_ns.push_back(watch.nanoseconds());
        team_.join_all();
    }

    void look_after(std::uint32_t step) {
        const meter::Pause pause;
        team_.start(Phase::finish, step);
        main_actor().finish(step);
        team_.join_all();
        pins_.verify();
        for (std::size_t i = 1; i < actors_.size(); ++i) {
            actors_[i]->hand_over_to(main_actor(), step);
        }
        if (step % kSampleEvery == 0 || step + 1 == steps_) {
            look_for_hole();
        }
    }

    void look_for_hole() {
        const std::uint64_t hole = meter::largest_hole();
        result_.smallest_hole = result_.smallest_hole == 0 ? hole : std::min(result_.smallest_hole, hole);
    }

    void collect() {
        result_.end_committed = meter::memory_now().committed;
        result_.peak_committed = meter::memory_peak().committed;
        result_.peak_reserved = meter::memory_peak().reserved;
        result_.kernel_calls = meter::all_threads() - start_;
        result_.calls_since_start = meter::all_threads().total();
        result_.steady_calls = meter::all_threads() - steady_start_;
        result_.steps = static_cast<std::uint32_t>(result_.step_ns.size());
        result_.steady_steps = result_.steps == steps_ ? steps_ / 3 : 0;
        const meter::Pause pause;
        for (const auto& actor : actors_) {
            result_.operations += actor->operations();
            result_.live_bytes += actor->live_bytes();
            actor->tear_down();
        }
        pins_.close_all();
        for (const auto& actor : actors_) {
            note_errors(actor->errors(), actor->first_error());
        }
        note_errors(pins_.errors(), pins_.first_error());
        summarise_times();
    }

    void note_errors(std::uint32_t count, const std::string& text) {
        if (result_.errors == 0 && count != 0) {
            result_.first_error = text;
        }
        result_.errors += count;
    }

    void summarise_times() {
        std::vector<double> sorted = result_.step_ns;
        std::sort(sorted.begin(), sorted.end());
        for (const double value : sorted) {
            result_.total_ns += value;
        }
        result_.mean_ns = result_.total_ns / static_cast<double>(sorted.size());
        result_.p99_ns = sorted[(sorted.size() * 99 - 1) / 100];
        result_.worst_ns = sorted.back();
    }

    const Scenario& scenario_;
    RunOptions options_;
    const Extender& extender_;
    Stopwatch since_start_;
    std::uint32_t steps_ = 0;
    std::vector<std::unique_ptr<Actor>> actors_;  ///< the first one is the main thread's
    MediaPins pins_;
    Team team_;
    meter::KernelCalls start_;
    meter::KernelCalls steady_start_;
    ScenarioResult result_;
};

}  // namespace

ScenarioResult run_scenario(const Scenario& scenario, const RunOptions& options, const Extender& extender) {
    return Run(scenario, options, extender).play();
}

}  // namespace mp::app
