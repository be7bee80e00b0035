// What a session comes to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "example_session.h"
#include "game/patterns.h"
#include "game/sites.h"
#include "report/summary.h"
#include "session/writer.h"

namespace mp::report::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

session::Session read(const std::vector<std::uint8_t>& bytes) {
    auto session = session::read(bytes);
    EXPECT_TRUE(session);
    return session ? *session : session::Session{};
}

TEST(Patterns, EachOfTheTenHasANameOfItsOwn) {
    std::vector<std::string_view> names;
    for (std::size_t number = 1; number <= game::kPatternCount; ++number) {
        EXPECT_THAT(names, testing::Not(Contains(game::pattern_name(number))));
        EXPECT_FALSE(game::pattern_name(number).empty());
        names.push_back(game::pattern_name(number));
    }
    EXPECT_TRUE(game::pattern_name(0).empty());
    EXPECT_TRUE(game::pattern_name(game::kPatternCount + 1).empty());
}

TEST(Summary, AFullSessionIsGood) {
    const Summary summary = summarise(read(example_session({.seconds = 60})));
    EXPECT_EQ(summary.health, Health::good);
    EXPECT_EQ(summary.patched, game::kMissionCount);
    EXPECT_EQ(summary.seconds, 60);
    EXPECT_THAT(summary.warnings, IsEmpty());
    ASSERT_THAT(summary.patterns, SizeIs(game::kPatternCount));
    EXPECT_GT(summary.patterns[8].activity.allocations, 1'000'000U);
    EXPECT_TRUE(summary.memory_share);
    EXPECT_NEAR(*summary.frame_ms, 1000.0 / 60, 0.5);
}

TEST(Summary, EveryGroupIsEitherOfAPatternOrAFrontDoor) {
    const session::Session session = read(example_session({.seconds = 3}));
    const Summary summary = summarise(session);
    std::size_t functions = 0;
    for (const PatternSummary& pattern : summary.patterns) {
        functions += pattern.functions.size();
    }
    for (const DoorSummary& door : summary.doors) {
        functions += door.functions.size();
    }
    EXPECT_EQ(functions, session.sites.size());
}

TEST(Summary, ADeclinedGroupIsPartialAndNamed) {
    const Summary summary = summarise(read(example_session({.seconds = 3, .one_group_declined = true})));
    EXPECT_EQ(summary.health, Health::partial);
    EXPECT_EQ(summary.patched, game::kMissionCount - 4);
    EXPECT_THAT(summary.warnings, Contains(HasSubstr("pool memory was left alone: 1 of 4")));
}

TEST(Summary, WhatAModeDoesNotAskForIsNotMissing) {
    const Summary summary = summarise(read(example_session({.mode = ExampleMode::scrap, .seconds = 3})));
    EXPECT_EQ(summary.health, Health::good);
    EXPECT_EQ(summary.patched, 4U);
    EXPECT_EQ(summary.asked, 4U);
    EXPECT_THAT(summary.warnings, IsEmpty());
}

TEST(Summary, AScrapModeWithADeclinedGroupIsPartial) {
    session::Session session = read(example_session({.mode = ExampleMode::scrap, .seconds = 3}));
    const auto first = std::ranges::find_if(session.sites, [](const session::Site& site) {
        return site.in_mission && site.group == game::group_name(game::Group::scrap_buffers);
    });
    ASSERT_NE(first, session.sites.end());
    first->state = session::State::declined;
    EXPECT_EQ(summarise(session).health, Health::partial);
}

TEST(Summary, SwitchedOffIsInactive) {
    EXPECT_EQ(summarise(read(example_session({.mode = ExampleMode::off, .seconds = 3}))).health, Health::inactive);
}

TEST(Summary, ASessionWithoutAnEndIsWorthALook) {
    const Summary summary = summarise(read(example_session({.seconds = 3, .ends_in_order = false})));
    EXPECT_EQ(summary.health, Health::watch);
    EXPECT_THAT(summary.warnings, Contains(HasSubstr("no orderly end")));
}

TEST(Summary, FiguresThatWereNotMeasuredAreNotInvented) {
    const Summary summary = summarise(read(example_session({.mode = ExampleMode::off, .seconds = 3})));
    EXPECT_FALSE(summary.live.largest);
    EXPECT_FALSE(summary.own_committed.last);
    EXPECT_TRUE(summary.committed.largest);
}

TEST(Summary, ASessionWithoutASampleHasNoFigures) {
    const Summary summary = summarise(session::Session{});
    EXPECT_EQ(summary.seconds, 0);
    EXPECT_EQ(summary.per_second(5), 0);
    EXPECT_FALSE(summary.live.last);
    EXPECT_FALSE(summary.kernel_calls);
}

TEST(Summary, ScarceAddressSpaceIsAWarning) {
    session::Session session = read(example_session({.seconds = 3}));
    session.samples[1].figures.largest_hole = 30ULL << 20;
    EXPECT_THAT(summarise(session).warnings, Contains(HasSubstr("fell to 30 MB")));
}

}  // namespace
}  // namespace mp::report::test
