#include "scenario.h"

#include "app/actor.h"
#include "app/actor_doors.h"
#include "side.h"

#include <algorithm>
#include <atomic>
#include <vector>

namespace mp::app {
namespace {

std::atomic<std::uint64_t> g_failed{0};

void* noted(void* data) {
    if (data == nullptr) {
        ++g_failed;
    }
    return data;
}

}  // namespace

void* allocate_through(Door door, std::uint32_t size) {
    const bool is_cleared = door == Door::calloc_ || door == Door::calloc_crt;
    return noted(is_cleared ? side_calloc(1, size) : side_malloc(size));
}

void free_through(Door /*door*/, void* data) {
    side_free(data);
}

void* resize_through(Door /*door*/, void* data, std::uint32_t size, std::uint32_t /*seed*/) {
    return noted(side_realloc(data, size));
}

bool resize_clears(Door /*door*/, std::uint32_t /*seed*/) {
    return false;
}

std::uint32_t size_through(Door /*door*/, void* data) {
    return static_cast<std::uint32_t>(side_usable(data));
}

}  // namespace mp::app

namespace mp::bench {
namespace {

class ScenarioPlay : public Play {
public:
    ScenarioPlay(const app::Scenario& scenario, std::uint32_t seed, std::uint32_t scale, std::uint32_t steps)
        : scenario_(scenario),
          steps_(steps != 0 ? steps : scenario.steps),
          residents_(scenario.resident * scale / 100) {
        for (app::Traffic traffic : scenario.threads) {
            traffic.scrap_blocks = 0;
            const std::uint64_t own_seed = std::uint64_t{seed} * 1000 + actors_.size();
            actors_.push_back(std::make_unique<app::Actor>(
                traffic, app::ActorOptions{own_seed, scale, scenario.cycle, scenario.burst_period, scenario.cells}));
        }
        actors_.front()->expect(residents_);
    }

    /// Frame 0 makes the residents, which nobody measures.
    [[nodiscard]] std::uint32_t frames() const override { return steps_ + 1; }

    void prepare(std::uint32_t thread, std::uint32_t frame) override {
        app::Actor& actor = *actors_[thread];
        if (frame == 0) {
            if (thread == 0) {
                actor.populate(residents_, scenario_.resident_sizes, scenario_.resident_cell);
            }
            return;
        }
        if (scenario_.changes_cell(frame - 1)) {
            actor.release_oldest_cell();
        }
        actor.prepare(frame - 1);
    }
    void work(std::uint32_t thread, std::uint32_t frame) override {
        if (frame != 0) {
            actors_[thread]->run();
        }
    }
    void between() override {
        const std::uint32_t frame = ended_++;
        for (std::size_t i = 0; frame != 0 && i < actors_.size(); ++i) {
            actors_[i]->finish(frame - 1);
            if (i != 0) {
                actors_[i]->hand_over_to(*actors_.front(), frame - 1);
            }
        }
    }
    void halve(std::uint32_t /*thread*/) override {}
    void idle(std::uint32_t /*thread*/) override {}
    void clear(std::uint32_t thread) override { actors_[thread]->tear_down(); }
    void each_live(const Visitor& /*visit*/) const override {}

    [[nodiscard]] Tally tally() const override {
        Tally sum;
        for (const auto& actor : actors_) {
            const auto live = static_cast<std::int64_t>(actor->live_bytes());
            sum.add({.operations = actor->operations(), .corrupt = actor->errors(), .live_bytes = live});
        }
        sum.failed = app::g_failed;
        sum.corrupt -= std::min(sum.corrupt, sum.failed);  // an actor counts both
        return sum;
    }

private:
    const app::Scenario& scenario_;
    std::uint32_t steps_;
    std::uint32_t residents_;
    std::uint32_t ended_ = 0;  ///< frames
    std::vector<std::unique_ptr<app::Actor>> actors_;
};

}  // namespace

std::unique_ptr<Play> make_scenario(std::string_view name, std::uint32_t seed, std::uint32_t scale_percent,
                                    std::uint32_t steps) {
    const app::Scenario* const scenario = app::find_scenario(name);
    return scenario == nullptr ? nullptr : std::make_unique<ScenarioPlay>(*scenario, seed, scale_percent, steps);
}

std::uint32_t scenario_threads(std::string_view name) {
    const app::Scenario* const scenario = app::find_scenario(name);
    return scenario == nullptr ? 0 : static_cast<std::uint32_t>(scenario->threads.size());
}

}  // namespace mp::bench
