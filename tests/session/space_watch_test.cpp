// What is said of the largest hole, and how often.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session/space_watch.h"

namespace mp::session::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMb = 1024;

/// What is said in so many seconds; `hole`: in MB, by the second.
std::vector<std::string> said(int seconds, const std::function<double(int)>& hole) {
    SpaceWatch watch;
    std::vector<std::string> lines;
    for (int second = 0; second < seconds; ++second) {
        char text[128];
        if (watch.look(static_cast<std::uint64_t>(second) * 1000, static_cast<std::int64_t>(hole(second) * kMb),
                       text)) {
            lines.emplace_back(text);
        }
    }
    return lines;
}

TEST(SpaceWatch, SaysNothingWhereThereIsRoom) {
    EXPECT_THAT(said(4000, [](int) { return 700.0; }), IsEmpty());
    EXPECT_THAT(said(4000, [](int second) { return second % 2 == 0 ? 700.0 : 130.0; }), IsEmpty());
    EXPECT_THAT(said(4000, [](int second) { return 200.0 + second; }), IsEmpty());
}

TEST(SpaceWatch, SaysEachLevelOnceHoweverOftenItIsCrossed) {
    const auto lines = said(2000, [](int second) {
        const double levels[] = {300, 100, 300, 100, 60, 100, 60, 20, 300, 20};
        return levels[second / 2 % 10];
    });
    EXPECT_THAT(lines, ElementsAre(HasSubstr("becomes scarce: the largest hole is 100 MB"),
                                   AllOf(HasSubstr("is scarce: the largest hole is 60 MB"), HasSubstr("restart")),
                                   AllOf(HasSubstr("about to run out: the largest hole is 20 MB"), HasSubstr("now"))));
}

TEST(SpaceWatch, OfLevelsThatFallTogetherSaysTheLowest) {
    EXPECT_THAT(said(10, [](int second) { return second < 5 ? 500.0 : 10.0; }),
                ElementsAre(HasSubstr("about to run out")));
}

TEST(SpaceWatch, SaysWhenTheHoleWillBeScarceAtThisRate) {
    // Half a megabyte a second: 500 MB are scarce after 872 seconds.
    const auto hole = [](int second) { return 500.0 - 0.5 * second; };
    const auto lines = said(700, hole);
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr("falls below 64 MB in about 10 minutes"));
    EXPECT_THAT(said(872 + 5, hole),
                ElementsAre(HasSubstr("in about 10 minutes"), HasSubstr("becomes scarce"), HasSubstr("is scarce")));
}

TEST(SpaceWatch, ExpectsNothingOfOneStepOrOfAFallThatEnded) {
    EXPECT_THAT(said(1000, [](int second) { return second < 100 ? 400.0 : 200.0; }), IsEmpty());
    EXPECT_THAT(said(1000, [](int second) { return second < 250 ? 400.0 - 0.5 * second : 275.0; }),
                SizeIs(testing::Le(1U)));
}

TEST(SpaceWatch, IsCutWhereTheTextEnds) {
    SpaceWatch watch;
    char text[16];
    ASSERT_TRUE(watch.look(0, 10, text));
    EXPECT_EQ(std::string(text), "address space i");
}

}  // namespace
}  // namespace mp::session::test
