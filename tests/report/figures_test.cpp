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
    EXPECT_NEAR(value(summary, "frame, mean").value(), 16.73, 0.01) << "loading screens apart";
    EXPECT_THAT(summary.totals, Contains(Pair("heap blocks 9 allocated", testing::Gt(1'000'000))));
    EXPECT_THAT(summary.events, Contains(Pair(12U, "mode: full")));
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

// --- frames ----------------------------------------------------------------------------------------------------------

constexpr const char* kFrameColumns =
    "frames,frame ms,longest frame us,frames to 14 ms,frames to 16 ms,frames to 18 ms,"
    "frames to 50 ms,frames to 100 ms,frames above 1000 ms";

TEST(Frames, TheLowsAreReadOffTheHistogram) {
    // 980 of 14 to 16 ms, 15 up to 50, 4 up to 100, and one of 1.2 s.
    const Summary summary = summary_of(session(kFrameColumns, "0\n60000,,1000,60000,1200000,0,980,0,15,4,1\n"));
    EXPECT_EQ(value(summary, "frame, mean"), 60);
    EXPECT_NEAR(value(summary, "1 % low (estimated)").value(), 1000 / (18 + 32 * 10.0 / 15), 0.01);
    EXPECT_NEAR(value(summary, "0.1 % low (estimated)").value(), 1000 / 100.0, 0.01);
    EXPECT_EQ(value(summary, "longest frame"), 1200);
    EXPECT_EQ(value(summary, "hitches above 50 ms"), 5);
}

TEST(Frames, TooFewOfThemHaveNoLow) {
    const Summary summary = summary_of(session(kFrameColumns, "0\n1000,,99,1000,15000,0,99\n"));
    EXPECT_FALSE(value(summary, "1 % low (estimated)"));
    EXPECT_EQ(value(summary, "longest frame"), 15);
}

TEST(Frames, WithoutOneNothingIsSaidOfThem) {
    const Summary summary = summary_of(session(kFrameColumns, "0\n1000\n"));
    for (const char* name : {"frame, mean", "1 % low (estimated)", "longest frame", "hitches above 50 ms"}) {
        EXPECT_FALSE(value(summary, name)) << name;
    }
}

TEST(Frames, ACapIsRecognised) {
    const Summary capped = summary_of(session(kFrameColumns, "0\n60000,,1000,17000,60000,5,300,600,90,5\n"));
    EXPECT_THAT(capped.frame_cap,
                HasSubstr("a frame cap of about 60 frames a second: 90 % of the frames take 14 to 18 ms"));
    const Summary faster = summary_of(session(kFrameColumns, "0\n60000,,1000,17000,60000,300,300,350,45,5\n"));
    EXPECT_EQ(faster.frame_cap, "") << "many frames are faster";
    const Summary spread = summary_of(session(kFrameColumns, "0\n60000,,1000,17000,60000,5,200,300,490,5\n"));
    EXPECT_EQ(spread.frame_cap, "") << "they take all kinds of times";
    const Summary few = summary_of(session(kFrameColumns, "0\n60000,,100,1700,60000,0,30,70\n"));
    EXPECT_EQ(few.frame_cap, "");
}

TEST(LoadingScreens, AreCountedAndTimed) {
    const std::string rows = "0\n5000,\"loading screen: began\"\n9000,\"loading screen: ended; 4000 ms; committed 1 KB "
                             "before, 2 KB after\"\n20000,\"loading screen: ended; 2000 ms; ...\"\n30000,,26000\n";
    const Summary summary = summary_of(session("loading ms", rows));
    EXPECT_EQ(value(summary, "loading screens"), 2);
    EXPECT_EQ(value(summary, "loading screen, mean"), 3);
    EXPECT_EQ(value(summary, "loading screen, longest"), 4);
    const Summary none = summary_of(session("loading ms", "0\n"));
    EXPECT_EQ(value(none, "loading screens"), 0);
    EXPECT_FALSE(value(none, "loading screen, mean"));
    EXPECT_FALSE(value(summary_of(session("live KB", "0\n")), "loading screens")) << "nobody looked";
}

TEST(Figures, TheTimeWithoutALargeHoleIsThatAfterEachSuchRow) {
    const Summary summary =
        summary_of(session("largest hole KB", "0,,100000\n1000,,-50000\n3500,,1000\n4000,,60000\n9000,,-1\n"));
    EXPECT_EQ(value(summary, "largest hole below 64 MB"), 3);
    EXPECT_FALSE(value(summary_of(session("live KB", "0\n5000\n")), "largest hole below 64 MB"));
}

TEST(Figures, AnEstimateIsCalledOne) {
    const Summary summary = summary_of(session("kernel calls saved (estimated)", "0\n10000,,50\n"));
    EXPECT_EQ(value(summary, "kernel calls saved per second (estimated)"), 5);
}

// --- better and worse ------------------------------------------------------------------------------------------------

/// A session of a column whose growth, minute by minute, is given.
Summary minutes(const std::string& column, const std::vector<int>& growths) {
    std::string rows = "0\n";
    for (std::size_t i = 0; i < growths.size(); ++i) {
        rows += std::to_string(60'000 * (i + 1)) + ",," + std::to_string(growths[i]) + "\n";
    }
    return summary_of(session(column, rows));
}

TEST(Spread, IsTheMiddleHalfOfTheMinutes) {
    const Summary summary = minutes("kernel calls", {60, 600, 120, 180, 240});
    const std::optional<Spread> spread = find(summary, "kernel calls per second").spread;
    ASSERT_TRUE(spread);
    EXPECT_EQ(spread->low, 2);
    EXPECT_EQ(spread->high, 4);
    EXPECT_FALSE(find(minutes("kernel calls", {60, 60, 60}), "kernel calls per second").spread);
    EXPECT_FALSE(find(minutes("failed allocations", {1, 2, 3, 4, 5}), "failed allocations").spread)
        << "each one counts";
}

struct Compared {
    Difference what;
    std::string text;
};

Compared compared(const Summary& a, const Summary& b, const std::string& name) {
    return {difference(find(a, name), find(b, name)), describe_difference(find(a, name), find(b, name))};
}

TEST(Difference, IsBeyondTheSpreadWhenTheMiddleHalvesLieApart) {
    const std::string name = "kernel calls per second";
    const Summary many = minutes("kernel calls", {6000, 6300, 5700, 6000, 6100});
    const Summary few = minutes("kernel calls", {3000, 3300, 2700, 3000, 3100});
    const Summary wild = minutes("kernel calls", {100, 9000, 200, 8000, 9000});
    const Compared better = compared(many, few, name);
    EXPECT_EQ(better.what.kind, Difference::Kind::better);
    EXPECT_EQ(better.what.exceeds_spread, true);
    EXPECT_EQ(better.text, "better by 49.8 %");
    const Compared worse = compared(few, many, name);
    EXPECT_EQ(worse.what.kind, Difference::Kind::worse);
    EXPECT_EQ(worse.text, "worse by 99.3 %");
    const Compared within = compared(many, wild, name);
    EXPECT_EQ(within.what.exceeds_spread, false);
    EXPECT_EQ(within.text, "better by 12.6 %, within the spread");
}

TEST(Difference, OfShortSessionsCannotBeToldFromChance) {
    const Compared short_ones =
        compared(minutes("kernel calls", {60, 60}), minutes("kernel calls", {600, 600}), "kernel calls per second");
    EXPECT_FALSE(short_ones.what.exceeds_spread);
    EXPECT_EQ(short_ones.text, "worse, 10 times as much, too little to tell");
}

TEST(Difference, MoreIsBetterOfSomeAndOfOthersNeither) {
    const Summary a = summary_of(session("largest hole KB,live KB", "0,,1024,1024\n"));
    const Summary b = summary_of(session("largest hole KB,live KB", "0,,2048,2048\n"));
    EXPECT_EQ(compared(a, b, "largest hole, lowest").what.kind, Difference::Kind::better);
    EXPECT_EQ(compared(a, b, "live, peak").what.kind, Difference::Kind::not_judged);
    EXPECT_EQ(compared(a, b, "live, peak").text, "");
    EXPECT_EQ(compared(a, a, "largest hole, lowest").text, "the same");
}

TEST(Difference, WhatWasNotMeasuredSaysSo) {
    const Summary off = summary_of(example_session({.mode = ExampleMode::off, .seconds = 60}));
    const Summary full = summary_of(example_session({.seconds = 60}));
    EXPECT_EQ(compared(off, full, "kernel calls per second").text, "not measured in A");
    EXPECT_EQ(compared(full, off, "kernel calls per second").text, "not measured in B");
    EXPECT_EQ(compared(off, off, "kernel calls per second").text, "not measured");
}

TEST(Difference, FromNothingIsToldInUnits) {
    const Summary a = summary_of(session("failed allocations", "0\n"));
    const Summary b = summary_of(session("failed allocations", "0,,3\n"));
    EXPECT_EQ(compared(a, b, "failed allocations").text, "worse by 3") << "each one counts: there is no spread";
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
