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
    const SessionResult session = play_session(kSeconds, 1, 1, Extender{});
    EXPECT_EQ(session.errors, 0U) << session.first_error;
    std::vector<std::string_view> names;
    for (const Scenario& scenario : scenarios()) {
        names.push_back(scenario.name);
    }
    EXPECT_THAT(session.scenarios, testing::UnorderedElementsAreArray(names));
    EXPECT_GE(session.seconds, kSeconds);
    EXPECT_GE(session.frames, 5U) << "each scene shows one at least";
    EXPECT_LE(session.frames, session.seconds * kFramesASecond + 5);
}

}  // namespace
