#include "app/actor.h"
#include "app/patterns.h"
#include "app/scenario_run.h"
#include "game/addresses.h"
#include "game/call.h"

#include <gtest/gtest.h>
#include <set>

namespace {

using namespace mp::app;

const Traffic kQuiet{Role::main, 50, find_scenario("combat")->resident_sizes, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

RunOptions small_run(std::uint64_t seed) {
    return {.seed = seed, .steps = 12, .scale_percent = 10};
}

class EveryScenario : public testing::TestWithParam<std::string_view> {};

TEST_P(EveryScenario, PlaysToItsEndWithoutADamagedBlock) {
    const Extender none;
    const ScenarioResult result = run_scenario(*find_scenario(GetParam()), small_run(7), none);
    EXPECT_EQ(result.errors, 0U) << result.first_error;
    EXPECT_GT(result.operations, 0U);
    EXPECT_EQ(result.step_ns.size(), 12U);
    EXPECT_GT(result.live_bytes, 0U);
}

TEST_P(EveryScenario, DoesTheSameWorkForTheSameSeed) {
    const Extender none;
    const Scenario& scenario = *find_scenario(GetParam());
    const ScenarioResult first = run_scenario(scenario, small_run(3), none);
    const ScenarioResult second = run_scenario(scenario, small_run(3), none);
    EXPECT_EQ(first.operations, second.operations);
    EXPECT_EQ(first.live_bytes, second.live_bytes);
    EXPECT_NE(run_scenario(scenario, small_run(4), none).live_bytes, first.live_bytes);
}

INSTANTIATE_TEST_SUITE_P(All, EveryScenario,
                         testing::Values("combat", "strip", "scripted", "streaming", "modded", "initial-load",
                                         "save-load", "area-transition"),
                         [](const auto& scenario) {
                             std::string name(scenario.param);
                             std::erase(name, '-');
                             return name;
                         });

TEST(SteadyState, TheSameLoadComesAgainEachCycle) {
    const Extender none;
    for (const Scenario& scenario : scenarios()) {
        if (scenario.cycle == 0) {
            continue;
        }
        const auto live_after = [&](std::uint32_t steps) {
            return run_scenario(scenario, {.seed = 5, .steps = steps, .scale_percent = 4}, none).live_bytes;
        };
        const std::uint32_t steady = scenario.steps - scenario.steps / 3;
        EXPECT_EQ(live_after(steady), live_after(steady + scenario.cycle)) << scenario.name;
        EXPECT_NE(live_after(steady), live_after(steady + scenario.cycle / 2 + 1)) << scenario.name;
    }
}

TEST(ActorChecks, AByteChangedByAStrangerIsNoticed) {
    Actor actor(kQuiet, {1, 100, 0, 0, 1});
    actor.open_scrap_heaps();
    actor.prepare(0);
    actor.run();
    actor.finish(0);
    ASSERT_EQ(actor.errors(), 0U);
    // The step's blocks are alive now, and the next step frees them. One byte of the newest heap block goes wrong.
    std::uint8_t* victim = static_cast<std::uint8_t*>(actor.some_block());
    ASSERT_NE(victim, nullptr);
    victim[0] ^= 1;
    actor.prepare(1);
    EXPECT_EQ(actor.errors(), 1U);
    victim[0] ^= 1;
    actor.run();
    actor.finish(1);
    actor.tear_down();
}

TEST(Patterns, AllTenAreMeasuredWithTheirFunctionsCalled) {
    std::set<std::uint32_t> numbers;
    for (const PatternResult& result : run_patterns(1, 3)) {
        numbers.insert(result.number);
        EXPECT_EQ(result.errors, 0U) << result.title << ": " << result.first_error;
        EXPECT_GT(result.calls, 0U) << result.title;
        for (const PatternFunction& function : result.functions) {
            EXPECT_GT(function.calls, 0U) << function.name;
            EXPECT_EQ(mp::game::find_site(function.address)->mission_pattern == 0
                          ? 9U
                          : mp::game::find_site(function.address)->mission_pattern,
                      result.number)
                << function.name;
        }
    }
    EXPECT_EQ(numbers.size(), 10U);
}

TEST(Patterns, TheHeapSelectorIsPutBack) {
    const std::uint32_t before = *mp::game::at<std::uint32_t>(mp::game::data::kActiveHeap);
    static_cast<void>(run_patterns(1, 1));
    EXPECT_EQ(*mp::game::at<std::uint32_t>(mp::game::data::kActiveHeap), before);
}

}  // namespace
