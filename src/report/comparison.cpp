#include "report/comparison.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/summary.h"

namespace mp::report {

namespace {

using Json = nlohmann::ordered_json;
using Figure = std::optional<double> (*)(const Summary& summary);

std::optional<double> megabytes(const std::optional<std::uint64_t>& bytes) {
    return bytes ? std::optional(static_cast<double>(*bytes) / (1024.0 * 1024.0)) : std::nullopt;
}

struct Row {
    const char* name;
    const char* unit;
    Figure figure;
};

constexpr Row kRows[] = {
    {"duration", "s", [](const Summary& s) -> std::optional<double> { return s.seconds; }},
    {"functions replaced", "",
     [](const Summary& s) -> std::optional<double> { return static_cast<double>(s.patched); }},
    {"allocations per second", "1/s",
     [](const Summary& s) -> std::optional<double> { return s.per_second(s.allocations); }},
    {"kernel calls per second", "1/s",
     [](const Summary& s) { return s.kernel_calls ? std::optional(s.per_second(*s.kernel_calls)) : std::nullopt; }},
    {"kernel calls saved per second", "1/s",
     [](const Summary& s) -> std::optional<double> {
         return s.seconds > 0 ? static_cast<double>(s.saved_kernel_calls) / s.seconds : 0;
     }},
    {"live, peak", "MB", [](const Summary& s) { return megabytes(s.live.largest); }},
    {"committed, peak", "MB", [](const Summary& s) { return megabytes(s.committed.largest); }},
    {"reserved, peak", "MB", [](const Summary& s) { return megabytes(s.reserved.largest); }},
    {"largest hole, lowest", "MB", [](const Summary& s) { return megabytes(s.hole.smallest); }},
    {"largest hole, at the end", "MB", [](const Summary& s) { return megabytes(s.hole.last); }},
    {"failed allocations", "",
     [](const Summary& s) -> std::optional<double> { return static_cast<double>(s.failed_allocations); }},
    {"frame, mean", "ms", [](const Summary& s) { return s.frame_ms; }},
    {"memory work in a frame", "%",
     [](const Summary& s) { return s.memory_share ? std::optional(100 * *s.memory_share) : std::nullopt; }},
};

std::string number(const std::optional<double>& value) {
    if (!value) {
        return "–";
    }
    return *value == std::round(*value) ? fmt::format("{:.0f}", *value) : fmt::format("{:.2f}", *value);
}

/// Width in characters, not bytes: the dash has three.
std::string padded(const std::string& text, std::size_t width) {
    std::size_t length = 0;
    for (const char c : text) {
        length += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    }
    return std::string(width > length ? width - length : 0, ' ') + text;
}

Json or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::optional<double> ComparedFigure::ratio() const noexcept {
    return first && second && *first > 0 && *second >= 0 ? std::optional(*second / *first) : std::nullopt;
}

std::vector<ComparedFigure> compare(const session::Session& first, const session::Session& second) {
    const Summary a = summarise(first);
    const Summary b = summarise(second);
    std::vector<ComparedFigure> figures;
    for (const Row& row : kRows) {
        figures.push_back({row.name, row.unit, row.figure(a), row.figure(b)});
    }
    return figures;
}

nlohmann::ordered_json comparison_data(const std::vector<ComparedFigure>& figures) {
    Json list = Json::array();
    for (const ComparedFigure& figure : figures) {
        list.push_back({{"name", figure.name},
                        {"unit", figure.unit},
                        {"first", or_null(figure.first)},
                        {"second", or_null(figure.second)},
                        {"ratio", or_null(figure.ratio())}});
    }
    return list;
}

std::string comparison_text(const std::vector<ComparedFigure>& figures, const std::string& first,
                            const std::string& second) {
    std::string out =
        fmt::format("A: {}\nB: {}\n\n{:<32}{:>14}{:>14}{:>10}  unit\n", first, second, "", "A", "B", "B/A");
    for (const ComparedFigure& figure : figures) {
        const std::optional<double> ratio = figure.ratio();
        fmt::format_to(std::back_inserter(out), "{:<32}{}{}{}  {}\n", figure.name, padded(number(figure.first), 14),
                       padded(number(figure.second), 14), padded(ratio ? fmt::format("{:.2f}", *ratio) : "–", 10),
                       figure.unit);
    }
    return out;
}

}  // namespace mp::report
