// The page's text and data; how it looks is the browser test's concern.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "example_session.h"
#include "report/data.h"
#include "report/page.h"
#include "report/summary.h"

namespace mp::report::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::SizeIs;

session::Session example(const Example& what) {
    auto session = session::read(example_session(what));
    EXPECT_TRUE(session);
    return session ? *session : session::Session{};
}

TEST(Data, ALongSessionIsThinnedOutAndKeepsItsExtremes) {
    session::Session session = example({.seconds = 4000});
    session.samples[1234].figures.largest_hole = 12ULL << 20;
    session.samples[2345].figures.committed_bytes = 3000ULL << 20;
    const nlohmann::ordered_json data = session_data(session, "long");
    const auto& series = data["series"];
    EXPECT_THAT(series["time_s"], AllOf(SizeIs(Le(kMostPoints)), SizeIs(testing::Gt(kMostPoints / 2))));
    EXPECT_THAT(data["activity_time_s"], SizeIs(Le(kMostActivityPoints)));
    EXPECT_EQ(std::ranges::min(series["largest_hole_mb"].get<std::vector<double>>()), 12);
    EXPECT_EQ(std::ranges::max(series["committed_mb"].get<std::vector<double>>()), 3000);
}

TEST(Data, EverySeriesHasOneValueAPoint) {
    const nlohmann::ordered_json data = session_data(example({.seconds = 100}), "x");
    const std::size_t points = data["series"]["time_s"].size();
    EXPECT_EQ(points, 101U);
    for (const auto& [name, values] : data["series"].items()) {
        EXPECT_THAT(values, SizeIs(points)) << name;
    }
    for (const char* kind : {"patterns", "doors"}) {
        for (const auto& entry : data[kind]) {
            for (const auto& [name, values] : entry["rates"].items()) {
                EXPECT_THAT(values, SizeIs(data["activity_time_s"].size())) << name;
            }
        }
    }
    EXPECT_EQ(data["histogram"]["labels"].size(), data["histogram"]["counts"].size());
}

TEST(Data, ARateIsTheGrowthBetweenTwoSamples) {
    session::Session session = example({.seconds = 3});
    for (std::size_t i = 0; i < session.samples.size(); ++i) {
        session.samples[i].figures.total_allocations = 1000 * i * i;
        session.samples[i].figures.time_ms = 2000 * i;
    }
    const auto rates = session_data(session, "x")["series"]["allocations_per_s"];
    EXPECT_TRUE(rates[0].is_null());
    EXPECT_EQ(rates[1], 500);
    EXPECT_EQ(rates[3], 2500);
}

TEST(Data, WhatWasNotMeasuredIsNull) {
    const nlohmann::ordered_json data = session_data(example({.mode = ExampleMode::off, .seconds = 3}), "x");
    EXPECT_TRUE(data["totals"]["live_mb"]["last"].is_null());
    EXPECT_TRUE(data["series"]["live_mb"][1].is_null());
}

TEST(Data, TellsHowManyFunctionsTheModeAskedFor) {
    for (const auto& [mode, asked] : {std::pair(ExampleMode::full, 17), std::pair(ExampleMode::boundary, 17),
                                      std::pair(ExampleMode::scrap, 4), std::pair(ExampleMode::off, 0)}) {
        const nlohmann::ordered_json data = session_data(example({.mode = mode, .seconds = 3}), "x");
        EXPECT_EQ(data["totals"]["functions_asked"], asked);
        EXPECT_EQ(data["totals"]["patched"], asked);
    }
}

TEST(Data, ASessionWithoutASampleIsStillADocument) {
    const nlohmann::ordered_json data = session_data(session::Session{}, "empty");
    EXPECT_EQ(data["samples"], 0);
    EXPECT_THAT(data["series"]["time_s"], SizeIs(0));
    EXPECT_THAT(session_page(session::Session{}, "empty"), HasSubstr("</html>"));
}

TEST(Page, NeedsNothingFromANetwork) {
    const std::string page = session_page(example({.seconds = 3}), "x");
    EXPECT_THAT(page, AllOf(Not(HasSubstr("src=\"")), Not(HasSubstr("@import")), Not(HasSubstr("href=\"http")),
                            HasSubstr("default-src 'none'")));
}

TEST(Page, CarriesTheLicenceOfItsCharts) {
    EXPECT_THAT(session_page(example({.seconds = 3}), "x"),
                AllOf(HasSubstr("Leon Sorokin"), HasSubstr("Permission is hereby granted")));
}

TEST(Page, TextsOfTheSessionCannotEndTheScript) {
    const std::string page = session_page(example({.seconds = 3}), "</script><script>alert(1)</script>");
    EXPECT_THAT(page, Not(HasSubstr("</script><script>alert")));
    EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
}

TEST(Page, TextsThatAreNotUtf8DoNotStopIt) {
    session::Session session = example({.seconds = 3});
    session.texts["mode"] = "\xFF\xFE\x80";
    EXPECT_THAT(session_page(session, "x"), HasSubstr("</html>"));
}

TEST(Page, OfTwoSessionsHoldsBoth) {
    const std::string page =
        comparison_page(example({.mode = ExampleMode::off, .seconds = 3}), "without", example({.seconds = 3}), "with");
    EXPECT_THAT(page, AllOf(HasSubstr("\"label\":\"without\""), HasSubstr("\"label\":\"with\""),
                            HasSubstr("\"comparison\":[")));
}

}  // namespace
}  // namespace mp::report::test
