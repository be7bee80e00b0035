// Any bytes as a session: they are summed up or refused, and what is taken from them is a session again.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "must.h"
#include "report/figures.h"
#include "report/page.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mp;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto summary = report::summarise(text, "any.csv");
    if (!summary) {
        test::must(!summary.error().text.empty());
        return 0;
    }
    const report::Thinned thinned = report::thin(text, "any.csv", *summary, 40);
    test::must(report::summarise(thinned.text, "thinned.csv").has_value());
    for (const report::Figure& figure : summary->figures) {
        report::describe_difference(figure, summary->figures.front());
    }
    test::must(report::page(std::span(&thinned, 1)).contains("</html>"));
    return 0;
}
