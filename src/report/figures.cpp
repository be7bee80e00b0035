#include "report/figures.h"

#include <algorithm>
#include <cstdlib>

#include "report/embedded.h"
#include "session/writer.h"

namespace mp::report {

namespace {

using session::Reader;

/// What became of one column.
struct Course {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t lowest = 0;
    std::int64_t highest = 0;

    void take(std::int64_t value, bool is_first) {
        first = is_first ? value : first;
        last = value;
        lowest = is_first ? value : std::min(lowest, value);
        highest = is_first ? value : std::max(highest, value);
    }
};

/// Time, then the columns.
using Courses = std::vector<std::pair<std::string, Course>>;

const Course* find(const Courses& courses, std::string_view column) {
    const auto found = std::ranges::find(courses, column, &Courses::value_type::first);
    return found != courses.end() ? &found->second : nullptr;
}

std::optional<double> value_of(std::string_view what, const Course& course, const Course* per) {
    if (what == "growth") {
        const double growth = per != nullptr ? static_cast<double>(per->last - per->first) : 0;
        return growth > 0 ? std::optional(static_cast<double>(course.last - course.first) / growth) : std::nullopt;
    }
    return static_cast<double>(what == "lowest" ? course.lowest : what == "highest" ? course.highest : course.last);
}

/// One for each line of the table behind its first.
std::vector<Figure> figures_of(const Courses& courses) {
    std::vector<Figure> figures;
    std::string_view table = embedded::figures();
    for (std::size_t end = table.find('\n'); end != std::string_view::npos; end = table.find('\n')) {
        std::string_view line = table.substr(0, end);
        table.remove_prefix(end + 1);
        std::vector<std::string> cells;
        while (!line.empty()) {
            cells.push_back(session::take_cell(line).value_or(""));
        }
        const Course* course = find(courses, cells[3]);
        std::optional<double> value =
            course != nullptr ? value_of(cells[2], *course, find(courses, cells[4])) : std::nullopt;
        figures.push_back(
            {cells[0], cells[1], value ? std::optional(*value * std::strtod(cells[5].c_str(), nullptr)) : value});
    }
    figures.erase(figures.begin());
    return figures;
}

}  // namespace

std::expected<Summary, session::Problem> summarise(std::string_view file, std::string_view name) {
    auto reader = Reader::open(file);
    if (!reader) {
        return std::unexpected(reader.error());
    }
    Summary summary;
    Courses courses{{"ms", {}}};
    for (const std::string& column : reader->columns()) {
        courses.emplace_back(column, Course{});
    }
    while (reader->next()) {
        if (!reader->event().empty()) {
            summary.events.emplace_back(reader->ms(), reader->event());
            if (const auto verdict = session::text_of(reader->event(), session::kVerdict)) {
                summary.verdict = *verdict;
            }
            continue;
        }
        const bool first = summary.rows++ == 0;
        courses[0].second.take(static_cast<std::int64_t>(reader->ms()), first);
        for (std::size_t i = 0; i < reader->columns().size(); ++i) {
            courses[i + 1].second.take(reader->figures()[i], first);
        }
    }
    summary.figures = figures_of(summary.rows != 0 ? courses : Courses{});
    for (std::size_t i = 0; i < reader->columns().size(); ++i) {
        summary.totals.emplace_back(reader->columns()[i], reader->figures()[i]);
    }
    summary.remarks = reader->remarks(name);
    return summary;
}

std::optional<double> ratio(const Figure& first, const Figure& second) noexcept {
    const bool both = first.value && second.value && *first.value > 0 && *second.value >= 0;
    return both ? std::optional(*second.value / *first.value) : std::nullopt;
}

}  // namespace mp::report
