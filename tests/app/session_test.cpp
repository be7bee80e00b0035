#include "app/session_run.h"
#include "app/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string_view>
#include <vector>

namespace {

using namespace mp::app;

TEST(Session, PlaysEveryScenarioOnceAndLastsAsLongAsItIsAskedTo) {
    constexpr double kSeconds = 3;
    const SessionResult session = play_session({.seconds = kSeconds, .scale_percent = 1}, Extender{});
    EXPECT_EQ(session.errors, 0U) << session.first_error;
    std::vector<std::string_view> names;
    for (const Scenario& scenario : scenarios()) {
        names.push_back(scenario.name);
    }
    EXPECT_THAT(session.scenarios, testing::UnorderedElementsAreArray(names));
    EXPECT_GE(session.seconds, kSeconds);
    EXPECT_GE(session.frames, 5U) << "each scene shows one at least";
    EXPECT_LE(session.frames, session.seconds * kFramesASecond + 5);
    ASSERT_EQ(session.rounds.size(), 1U);
    EXPECT_GT(session.rounds[0].committed, 0U);
    EXPECT_GE(session.rounds[0].reserved, session.rounds[0].committed);
}

}  // namespace
