// The page's text; how it looks and what it adds up is the browser test's concern.
#include <algorithm>
#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example_session.h"
#include "report/figures.h"
#include "report/page.h"

namespace mp::report::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Thinned thinned(const std::string& text, std::size_t most_rows = kMostRows, const std::string& name = "x.csv") {
    const auto thin_text = thin(text, name, most_rows);
    EXPECT_TRUE(thin_text);
    return thin_text.value_or(Thinned{});
}

std::string page_of(const std::string& text, const std::string& name = "x.csv") {
    return page(std::array{thinned(text, kMostRows, name)});
}

Summary summary_of(const std::string& text) {
    auto summary = summarise(text, "x.csv");
    EXPECT_TRUE(summary);
    return summary ? *summary : Summary{};
}

TEST(Thinned, ALongSessionComesToTheSame) {
    const std::string text = example_session({.seconds = 4000});
    const Summary whole = summary_of(text);
    for (const std::size_t most : {10U, 333U, 1500U, 100'000U}) {
        const Thinned page = thinned(text, most);
        const Summary thin = summary_of(page.text);
        EXPECT_LE(thin.rows, most + kLastLines + 2 * 28 + 5) << "and a row or two at each event among them";
        EXPECT_GE(thin.rows, std::min<std::size_t>(most / 2, 4001));
        EXPECT_EQ(thin.totals, whole.totals);
        for (std::size_t i = 0; i < whole.figures.size(); ++i) {
            if (const std::string& name = whole.figures[i].name; name.ends_with(" peak") || name.ends_with(" lowest")) {
                EXPECT_EQ(thin.figures[i].value, whole.figures[i].value) << name << " of " << most << " rows";
            }
        }
        EXPECT_EQ(thin.events.size(), whole.events.size() + 2) << "the file's name and the frame cap";
        for (std::size_t i = 0; i < whole.figures.size(); ++i) {
            EXPECT_EQ(page.figures[i].value, whole.figures[i].value) << whole.figures[i].name;
        }
    }
}

TEST(Thinned, AShortSessionKeepsEveryLine) {
    const std::string text = example_session({.seconds = 100});
    std::string thin = thinned(text).text;
    const std::size_t cap = thin.find("0,\"frame cap: ");
    ASSERT_NE(cap, std::string::npos);
    thin.erase(cap, thin.find('\n', cap) + 1 - cap);
    const std::string name = "0,\"file: x.csv\"\n";
    ASSERT_NE(thin.find(name), std::string::npos);
    EXPECT_EQ(thin.erase(thin.find(name), name.size()), text);
}

TEST(Thinned, TheLastMinuteKeepsEveryRow) {
    const std::string text = example_session({.seconds = 4000, .ends_in_order = false});
    const std::string thin = thinned(text, 50).text;
    const std::string last = text.substr(text.find("\n3941000,"));
    EXPECT_THAT(thin, HasSubstr(last));
    EXPECT_EQ(thin.find("\n3800000,"), std::string::npos);
}

TEST(Thinned, RemarksOnTheFileStandAtItsEnd) {
    std::string text = example_session({.seconds = 5, .ends_in_order = false});
    text.resize(text.size() - 1);
    EXPECT_THAT(thinned(text).text, AllOf(HasSubstr("\"remark: x.csv:"), HasSubstr(": the last line is torn"),
                                          HasSubstr("\"remark: no orderly end")));
}

TEST(Thinned, AForeignFileGivesNone) {
    EXPECT_FALSE(thin("MZ", "x.csv"));
}

TEST(Page, OfASessionWithoutARowIsStillOne) {
    EXPECT_THAT(page_of("ms,event\n0,\"mode: full\"\n"), HasSubstr("</html>"));
}

TEST(Page, NeedsNothingFromANetwork) {
    EXPECT_THAT(page_of(example_session({.seconds = 3})),
                AllOf(Not(HasSubstr("src=\"")), Not(HasSubstr("@import")), Not(HasSubstr("href=\"http")),
                      HasSubstr("default-src 'none'")));
}

TEST(Page, CarriesTheLicenceOfItsCharts) {
    EXPECT_THAT(page_of(example_session({.seconds = 3})),
                AllOf(HasSubstr("Leon Sorokin"), HasSubstr("Permission is hereby granted")));
}

TEST(Page, TextsOfTheSessionCannotEndTheirElement) {
    const std::string page = page_of(example_session({.seconds = 3}), "</pre><script>alert(1)</script>");
    EXPECT_THAT(page, AllOf(Not(HasSubstr("</pre><script>alert")), Not(HasSubstr("</pre></script><b>")),
                            HasSubstr("&lt;/pre>&lt;/script>&lt;b>")));
}

TEST(Page, TextsThatAreNotUtf8DoNotStopIt) {
    EXPECT_THAT(page_of("ms,event\n0,\"mode: \xFF\xFE\x80\"\n"), HasSubstr("</html>"));
}

TEST(Page, OfTwoSessionsHoldsBoth) {
    const std::string page = report::page(
        std::array{thinned(example_session({.mode = ExampleMode::off, .seconds = 3}), kMostRows, "without.csv"),
                   thinned(example_session({.seconds = 3}), kMostRows, "with.csv")});
    EXPECT_THAT(page, AllOf(HasSubstr("\"file: without.csv\""), HasSubstr("\"file: with.csv\"")));
}

}  // namespace
}  // namespace mp::report::test
