// What a session comes to, and two of them side by side.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example_session.h"
#include "report/figures.h"

namespace mp::report::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

Summary summary_of(const std::string& text) {
    auto summary = summarise(text, "x.csv");
    EXPECT_TRUE(summary);
    return summary ? *summary : Summary{};
}

const Figure& find(const Summary& summary, const std::string& name) {
    const auto found = std::ranges::find(summary.figures, name, &Figure::name);
    EXPECT_NE(found, summary.figures.end()) << name;
    return found != summary.figures.end() ? *found : summary.figures.front();
}

std::optional<double> value(const Summary& summary, const std::string& name) {
    return find(summary, name).value;
}

/// `rows` behind the first line.
std::string session(const std::string& columns, const std::string& rows) {
    return "ms,event," + columns + "\n" + rows;
}

TEST(Figures, OfAFullSession) {
    const Summary summary = summary_of(example_session({.seconds = 60}));
    EXPECT_EQ(summary.rows, 61U);
    EXPECT_EQ(value(summary, "duration"), 60);
    EXPECT_EQ(value(summary, "functions replaced"), 17);
    EXPECT_EQ(value(summary, "front doors replaced"), 21);
    EXPECT_NEAR(value(summary, "frame, mean").value(), 1000.0 / 60, 0.01);
    EXPECT_THAT(summary.totals, Contains(Pair("heap blocks 9 allocated", testing::Gt(1'000'000))));
    EXPECT_THAT(summary.events, Contains(Pair(0U, "mode: full")));
    EXPECT_THAT(summary.verdict, HasSubstr("all is well; full mode, 17 of 17 patches"));
    EXPECT_THAT(summary.remarks, IsEmpty());
}

TEST(Figures, GrowthIsThatBetweenTheFirstAndTheLastRow) {
    const Summary summary =
        summary_of(session("allocations,frames,frame ms", "500,,1000\n1000,,50,1,20\n2500,,150,3,40\n"));
    EXPECT_EQ(value(summary, "allocations per second"), 100) << "what was before the first row does not count";
    EXPECT_EQ(value(summary, "frame, mean"), 15);
    EXPECT_FALSE(value(summary_of(session("allocations", "500,,1000\n")), "allocations per second"));
}

TEST(Figures, LevelsAreKeptAtTheirHighestAndTheHoleAtItsLowest) {
    const Summary summary =
        summary_of(session("live KB,largest hole KB", "0,,1024,20480\n1,,2048,-10240\n2,,-1024,1024\n"));
    EXPECT_EQ(value(summary, "live, peak"), 3);
    EXPECT_EQ(value(summary, "largest hole, lowest"), 10);
    EXPECT_EQ(value(summary, "largest hole, at the end"), 11);
}

TEST(Figures, ThatWereNotMeasuredAreNotInvented) {
    const Summary summary = summary_of(example_session({.mode = ExampleMode::off, .seconds = 3}));
    EXPECT_FALSE(value(summary, "live, peak"));
    EXPECT_FALSE(value(summary, "allocations per second"));
    EXPECT_TRUE(value(summary, "committed, peak"));
    EXPECT_EQ(value(summary, "functions replaced"), 0);
}

TEST(Figures, AreMissingWithoutARow) {
    const Summary summary = summary_of(session("allocations", "0,\"mode: full\"\n"));
    EXPECT_EQ(summary.rows, 0U);
    EXPECT_THAT(summary.figures, SizeIs(testing::Gt(10)));
    for (const Figure& figure : summary.figures) {
        EXPECT_FALSE(figure.value) << figure.name;
    }
}

TEST(Figures, TheLastVerdictHolds) {
    const Summary summary =
        summary_of(session("allocations", "0,\"verdict: all is well\"\n0\n5,\"verdict: works in part\"\n"));
    EXPECT_EQ(summary.verdict, "works in part");
}

TEST(Figures, ASessionWithoutAnEndSaysSo) {
    EXPECT_THAT(summary_of(example_session({.seconds = 3, .ends_in_order = false})).remarks,
                Contains(HasSubstr("no orderly end")));
}

TEST(Figures, ScarceAddressSpaceIsRemarkedOn) {
    const std::string rows = "0,,1024000\n1,,-993280\n2,,993280\n3,\"end: in order\"\n";
    EXPECT_THAT(summary_of(session("largest hole KB", rows)).remarks,
                testing::ElementsAre(HasSubstr("the largest hole fell to 30 MB")));
    EXPECT_THAT(summary_of(session("live KB", rows)).remarks, IsEmpty());
}

TEST(Comparison, SetsTheSameFiguresSideBySide) {
    const Summary a = summary_of(example_session({.mode = ExampleMode::boundary, .seconds = 60}));
    const Summary b = summary_of(example_session({.seconds = 120}));
    EXPECT_EQ(ratio(find(a, "duration"), find(b, "duration")), 2);
    EXPECT_LT(ratio(find(a, "kernel calls per second"), find(b, "kernel calls per second")), 0.5);
    ASSERT_EQ(a.figures.size(), b.figures.size());
    for (std::size_t i = 0; i < a.figures.size(); ++i) {
        EXPECT_EQ(a.figures[i].name, b.figures[i].name);
    }
}

TEST(Comparison, AModeThatAsksForLessIsComparedLikeTheOthers) {
    const Summary a = summary_of(example_session({.mode = ExampleMode::scrap, .seconds = 60}));
    const Summary b = summary_of(example_session({.seconds = 60}));
    EXPECT_EQ(value(a, "functions replaced"), 4);
    EXPECT_TRUE(value(a, "live, peak"));
    EXPECT_TRUE(ratio(find(a, "allocations per second"), find(b, "allocations per second")));
}

TEST(Comparison, ASessionEqualsItself) {
    for (const Figure& figure : summary_of(example_session({.seconds = 60})).figures) {
        EXPECT_EQ(ratio(figure, figure).value_or(1), 1) << figure.name;
    }
}

TEST(Comparison, WhatOneSideDidNotMeasureHasNoRatio) {
    const Summary a = summary_of(example_session({.mode = ExampleMode::off, .seconds = 60}));
    const Summary b = summary_of(example_session({.seconds = 60}));
    EXPECT_FALSE(ratio(find(a, "live, peak"), find(b, "live, peak")));
    EXPECT_FALSE(ratio(find(a, "functions replaced"), find(b, "functions replaced"))) << "nothing can be divided by 0";
}

}  // namespace
}  // namespace mp::report::test
