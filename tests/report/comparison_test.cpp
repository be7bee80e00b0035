// Two sessions, figure by figure.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example_session.h"
#include "report/comparison.h"

namespace mp::report::test {
namespace {

using testing::HasSubstr;

session::Session example(const Example& what) {
    auto session = session::read(example_session(what));
    EXPECT_TRUE(session);
    return session ? *session : session::Session{};
}

const ComparedFigure& find(const std::vector<ComparedFigure>& figures, const std::string& name) {
    const auto found = std::ranges::find(figures, name, &ComparedFigure::name);
    EXPECT_NE(found, figures.end()) << name;
    return found != figures.end() ? *found : figures.front();
}

TEST(Comparison, SetsTheSameFiguresSideBySide) {
    const auto figures = compare(example({.mode = ExampleMode::off, .seconds = 60}),
                                 example({.mode = ExampleMode::full, .seconds = 120}));
    EXPECT_EQ(find(figures, "duration").ratio(), 2);
    EXPECT_EQ(find(figures, "functions replaced").second, 17);
    EXPECT_LT(find(figures, "memory work in a frame").ratio(), 0.5);
}

TEST(Comparison, AModeThatAsksForLessIsComparedLikeTheOthers) {
    const auto figures = compare(example({.mode = ExampleMode::scrap, .seconds = 60}), example({.seconds = 60}));
    EXPECT_EQ(find(figures, "functions replaced").first, 4);
    EXPECT_TRUE(find(figures, "live, peak").first);
    EXPECT_TRUE(find(figures, "allocations per second").ratio());
}

TEST(Comparison, ASessionEqualsItself) {
    const session::Session session = example({.seconds = 60});
    for (const ComparedFigure& figure : compare(session, session)) {
        EXPECT_EQ(figure.first, figure.second) << figure.name;
        EXPECT_EQ(figure.ratio().value_or(1), 1) << figure.name;
    }
}

TEST(Comparison, WhatOneSideDidNotMeasureHasNoRatio) {
    const auto figures = compare(example({.mode = ExampleMode::off, .seconds = 60}), example({.seconds = 60}));
    EXPECT_FALSE(find(figures, "live, peak").first);
    EXPECT_FALSE(find(figures, "live, peak").ratio());
    EXPECT_FALSE(find(figures, "functions replaced").ratio()) << "nothing can be divided by 0";
}

TEST(Comparison, TheTableNamesBothFilesAndEveryFigure) {
    const auto figures = compare(example({.seconds = 60}), example({.seconds = 60}));
    const std::string text = comparison_text(figures, "one.mpsession", "two.mpsession");
    EXPECT_THAT(text, HasSubstr("A: one.mpsession\nB: two.mpsession\n"));
    for (const ComparedFigure& figure : figures) {
        EXPECT_THAT(text, HasSubstr(figure.name));
    }
}

}  // namespace
}  // namespace mp::report::test
