#include "scenario.h"

#include "app/traffic.h"
#include "sizes.h"

#include <algorithm>
#include <array>
#include <vector>

namespace mp::bench {
namespace {

/// Longer than any life in the table, in steps.
constexpr std::uint32_t kCalendar = 256;
constexpr std::uint32_t kMostBuffers = 64;

Sizes sizes_of(app::SizeMix mix) {
    std::vector<SizeRange> ranges;
    for (const app::SizeRange& range : mix) {
        ranges.push_back({range.low, range.high, range.weight});
    }
    return Sizes(ranges);
}

/// One thread of a scenario. A block that outlives its step stands in the calendar of the step that frees it, in a
/// cell, or among the residents.
class Actor {
public:
    Actor(const app::Scenario& scenario, const app::Traffic& traffic, std::uint32_t number, std::uint32_t seed,
          std::uint32_t scale)
        : traffic_(traffic),
          scale_(scale),
          number_(number),
          random_(seed * 1013 + number),
          sizes_(sizes_of(traffic.sizes)),
          allocations_(scaled(traffic.allocations)),
          brief_(std::size_t{allocations_} * 4),
          released_(cell_capacity(scenario)),
          resident_(number == 0 ? scaled(scenario.resident) : 0),
          outbox_(std::size_t{allocations_} * 4 + kMostBuffers),
          inbox_(number == 0 ? std::size_t{scaled(32768)} * 2 : 0) {
        for (auto& day : due_) {
            day = Array<Item>(std::size_t{allocations_} / 2 + kMostBuffers);
        }
        for (std::uint32_t i = 0; i <= scenario.cells; ++i) {
            cells_.emplace_back(cell_capacity(scenario));
        }
    }

    void populate(const Sizes& sizes, std::uint32_t cell_share) {
        for (std::size_t i = 0; i < resident_.capacity(); ++i) {
            const Item item = blocks_.make(sizes.pick(random_));
            if (!random_.chance(cell_share) || !cells_.front().push(item)) {
                resident_.push(item);
            }
        }
    }

    void prepare() { shuffle(released_, random_); }

    /// The oldest cell becomes the one to free in the next step; the last one takes what comes.
    void turn_cells() {
        std::swap(released_, cells_.front());
        std::rotate(cells_.begin(), cells_.begin() + 1, cells_.end());
    }

    void work(std::uint32_t step, bool is_burst) {
        drop_all(inbox_);
        drop_all(released_);
        drop_all(due_[step % kCalendar]);
        const std::uint32_t count = is_burst ? allocations_ * 3 : allocations_;
        for (std::uint32_t i = 0; i < count; ++i) {
            place(blocks_.make(sizes_.pick(random_)), step);
        }
        make_buffers(step);
        resize_and_query();
        while (!brief_.is_empty()) {
            blocks_.drop(brief_.pop());
        }
    }

    void halve() {
        drop_all(inbox_);
        for (std::size_t i = 0; i < resident_.size() / 2; ++i) {
            blocks_.drop(resident_[i]);
            resident_[i] = {nullptr, 0};
        }
        for (std::size_t i = 0; i < cells_.size() / 2; ++i) {
            drop_all(cells_[i]);
        }
    }

    void idle() {
        for (std::uint32_t i = 0; i < allocations_; ++i) {
            blocks_.drop(blocks_.make(sizes_.pick(random_)));
        }
    }

    void clear() {
        drop_all(inbox_);
        drop_all(released_);
        drop_all(resident_);
        for (auto& cell : cells_) {
            drop_all(cell);
        }
        for (auto& day : due_) {
            drop_all(day);
        }
    }

    void each_live(const Play::Visitor& visit) const {
        std::ranges::for_each(released_, visit);
        std::ranges::for_each(resident_, visit);
        std::ranges::for_each(inbox_, visit);
        for (const auto& cell : cells_) {
            std::ranges::for_each(cell, visit);
        }
        for (const auto& day : due_) {
            std::ranges::for_each(day, visit);
        }
    }

    Array<Item>& outbox() { return outbox_; }
    void receive(const Item& item) {
        if (!inbox_.push(item)) {
            blocks_.drop(item);
        }
    }
    [[nodiscard]] const Tally& tally() const { return blocks_.tally(); }

private:
    [[nodiscard]] std::uint32_t scaled(std::uint32_t count) const {
        return std::max(1U, static_cast<std::uint32_t>(std::uint64_t{count} * scale_ / 100));
    }
    [[nodiscard]] std::size_t cell_capacity(const app::Scenario& scenario) const {
        const std::uint32_t steps = scenario.cell_period != 0 ? scenario.cell_period : scenario.steps;
        const bool takes_resident = number_ == 0 && scenario.resident_cell != 0;
        const std::size_t made = std::size_t{allocations_} * steps * traffic_.cell / 1000 + 64;
        return made + (takes_resident ? scaled(scenario.resident) : 0);
    }

    void place(const Item& item, std::uint32_t step) {
        const std::uint32_t kind = random_.below(1000);
        bool kept = false;
        if (kind < traffic_.brief) {
            kept = brief_.push(item);
        } else if (kind < traffic_.brief + traffic_.cell) {
            kept = cells_.back().push(item);
        } else if (number_ != 0 && random_.chance(traffic_.to_main)) {
            kept = outbox_.push(item);
        } else {
            const std::uint32_t life = random_.between(std::max(1U, traffic_.life_low), traffic_.life_high);
            kept = due_[(step + std::min(life, kCalendar - 1)) % kCalendar].push(item);
        }
        if (!kept) {
            blocks_.drop(item);
        }
    }

    /// The table counts buffers in ten steps.
    void make_buffers(std::uint32_t step) {
        const std::uint32_t before = traffic_.buffers * (step % 10) / 10;
        const std::uint32_t after = traffic_.buffers * (step % 10 + 1) / 10;
        for (std::uint32_t i = before; i < after; ++i) {
            place(blocks_.make(random_.between(traffic_.buffer_low, traffic_.buffer_high)), step);
        }
    }

    /// On blocks that die at the end of the step: those are at hand.
    void resize_and_query() {
        const auto count = static_cast<std::uint32_t>(brief_.size());
        for (std::uint32_t i = 0; count != 0 && i < scaled(traffic_.resizes); ++i) {
            Item& item = brief_[random_.below(count)];
            item = item.data != nullptr ? blocks_.resize(item, sizes_.pick(random_)) : item;
        }
        for (std::uint32_t i = 0; count != 0 && i < scaled(traffic_.size_queries); ++i) {
            blocks_.query(brief_[random_.below(count)]);
        }
    }

    void drop_all(Array<Item>& items) {
        for (const Item& item : items) {
            blocks_.drop(item);
        }
        items.clear();
    }

    const app::Traffic& traffic_;
    std::uint32_t scale_;
    std::uint32_t number_;
    Random random_;
    Sizes sizes_;
    std::uint32_t allocations_;
    Blocks blocks_;
    Array<Item> brief_;
    Array<Item> released_;
    Array<Item> resident_;
    std::array<Array<Item>, kCalendar> due_;
    std::vector<Array<Item>> cells_;
    Array<Item> outbox_;
    Array<Item> inbox_;
};

class ScenarioPlay : public Play {
public:
    ScenarioPlay(const app::Scenario& scenario, std::uint32_t seed, std::uint32_t scale, std::uint32_t steps)
        : scenario_(scenario),
          steps_(steps != 0 ? steps : scenario.steps),
          resident_sizes_(sizes_of(scenario.resident_sizes)) {
        for (std::uint32_t i = 0; i < scenario.threads.size(); ++i) {
            actors_.push_back(std::make_unique<Actor>(scenario, scenario.threads[i], i, seed, scale));
        }
    }

    /// Frame 0 makes the residents.
    [[nodiscard]] std::uint32_t frames() const override { return steps_ + 1; }

    void prepare(std::uint32_t thread, std::uint32_t frame) override {
        if (frame != 0 && scenario_.cell_period != 0 && frame % scenario_.cell_period == 0) {
            actors_[thread]->turn_cells();
        }
        actors_[thread]->prepare();
    }
    void work(std::uint32_t thread, std::uint32_t frame) override {
        if (frame != 0) {
            const app::Role role = scenario_.threads[thread].role;
            const bool bursts = role == app::Role::main || role == app::Role::ai;
            actors_[thread]->work(frame, bursts && scenario_.burst_period != 0 && frame % scenario_.burst_period == 0);
        } else if (thread == 0 && scenario_.resident != 0) {
            actors_[0]->populate(resident_sizes_, scenario_.resident_cell);
        }
    }
    void between() override {
        for (std::size_t i = 1; i < actors_.size(); ++i) {
            for (const Item& item : actors_[i]->outbox()) {
                actors_[0]->receive(item);
            }
            actors_[i]->outbox().clear();
        }
    }
    void halve(std::uint32_t thread) override { actors_[thread]->halve(); }
    void idle(std::uint32_t thread) override { actors_[thread]->idle(); }
    void clear(std::uint32_t thread) override { actors_[thread]->clear(); }

    void each_live(const Visitor& visit) const override {
        for (const auto& actor : actors_) {
            actor->each_live(visit);
        }
    }

    [[nodiscard]] Tally tally() const override {
        Tally sum;
        for (const auto& actor : actors_) {
            sum.add(actor->tally());
        }
        return sum;
    }

private:
    const app::Scenario& scenario_;
    std::uint32_t steps_;
    Sizes resident_sizes_;
    std::vector<std::unique_ptr<Actor>> actors_;
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
