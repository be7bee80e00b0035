#include "report/page.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <utility>

#include "report/embedded.h"
#include "session/writer.h"

namespace mp::report {

namespace {

/// Neighbouring rows that become one.
struct Row {
    std::uint64_t ms = 0;
    std::vector<std::int64_t> figures;
    std::size_t rows = 0;

    void add(const Row& next, std::span<const std::string> columns) {
        for (std::size_t i = 0; rows != 0 && i < figures.size(); ++i) {
            const auto [lower, higher] = std::minmax(figures[i], next.figures[i]);
            const bool is_level = columns[i].ends_with(" KB");
            figures[i] = !is_level ? next.figures[i] : columns[i].ends_with("hole KB") ? lower : higher;
        }
        if (rows == 0) {
            figures = next.figures;
        }
        ms = next.ms;
        ++rows;
    }
};

/// Appends `source` up to the next placeholder "@name@" and what stands for it.
class Filler {
public:
    explicit Filler(std::string_view source) : rest_(source) {}

    Filler& fill(std::string_view placeholder, std::string_view text) {
        const std::size_t at = rest_.find(placeholder);
        if (at == std::string_view::npos) {
            throw std::logic_error("the page lacks the placeholder " + std::string(placeholder));
        }
        page_.append(rest_.substr(0, at)).append(text);
        rest_.remove_prefix(at + placeholder.size());
        return *this;
    }

    std::string finish() { return page_.append(rest_); }

private:
    std::string_view rest_;
    std::string page_;
};

/// Text of an element.
std::string escaped(std::string_view text) {
    std::string safe;
    safe.reserve(text.size());
    for (const char c : text) {
        if (c == '<') {
            safe += "&lt;";
        } else if (c == '&') {
            safe += "&amp;";
        } else {
            safe += c;
        }
    }
    return safe;
}

/// CSV: name, unit, the value of each session; of two also what changed, and as what and whether beyond the spread. As
/// far as a value is not measured it is empty.
std::string figure_table(std::span<const Thinned> sessions) {
    std::string table;
    for (std::size_t i = 0; !sessions.empty() && i < sessions[0].figures.size(); ++i) {
        const Figure& first = sessions[0].figures[i];
        table.append("\"").append(first.name).append("\",").append(first.unit);
        for (const Thinned& session : sessions) {
            std::array<char, 32> number{};
            if (const auto& value = session.figures[i].value) {
                std::snprintf(number.data(), number.size(), "%.9g", *value);
            }
            table.append(",").append(number.data());
        }
        if (sessions.size() == 2) {
            const Figure& second = sessions[1].figures[i];
            const Difference change = difference(first, second);
            table.append(",\"").append(describe_difference(first, second)).append("\",");
            table.append(kind_name(change.kind)).append(change.exceeds_spread.value_or(false) ? ",beyond" : ",");
        }
        table.append("\n");
    }
    return table;
}

}  // namespace

std::expected<Thinned, session::Problem> thin(std::string_view file, std::string_view name, std::size_t most_rows) {
    const auto summary = summarise(file, name);
    if (!summary) {
        return std::unexpected(summary.error());
    }
    return thin(file, name, *summary, most_rows);
}

Thinned thin(std::string_view file, std::string_view name, const Summary& summary, std::size_t most_rows) {
    auto reader = session::Reader::open(file);  // what has a summary can be read
    const auto lines = static_cast<std::size_t>(std::ranges::count(file, '\n'));
    const std::size_t width = (lines + most_rows - 1) / most_rows;
    Thinned thinned{.text = {}, .figures = summary.figures};
    session::Writer writer;
    writer.open({[](void* context, const void* data, std::size_t size) {
                     try {
                         static_cast<std::string*>(context)->append(static_cast<const char*>(data), size);
                         return true;
                     } catch (const std::bad_alloc&) {
                         return false;
                     }
                 },
                 &thinned.text});
    for (const std::string& column : reader->columns()) {
        writer.column(column);
    }
    writer.begin();
    writer.event(0, "file", name);
    if (!summary.frame_cap.empty()) {
        writer.event(0, "frame cap", summary.frame_cap);
    }
    Row merged;
    Row newest;  // is never merged while it may be the last one
    const auto flush = [&writer](Row& row) {
        if (row.rows != 0) {
            writer.row(row.ms, row.figures);
        }
        row.rows = 0;
    };
    bool first = true;
    for (std::size_t line = 1; reader->next(); ++line) {
        if (!reader->event().empty()) {
            flush(merged);
            flush(newest);
            writer.event(reader->ms(), "", reader->event());
            continue;
        }
        if (newest.rows != 0) {
            merged.add(newest, reader->columns());
        }
        if (merged.rows >= width || line + kLastLines > lines) {
            flush(merged);
        }
        newest = {.ms = reader->ms(), .figures = {reader->figures().begin(), reader->figures().end()}, .rows = 1};
        if (first) {
            flush(newest);
            first = false;
        }
    }
    flush(merged);
    flush(newest);
    for (const std::string& remark : reader->remarks(name)) {
        writer.event(reader->ms(), "remark", remark);
    }
    if (!writer.is_open()) {
        throw std::bad_alloc();
    }
    return thinned;
}

std::string page(std::span<const Thinned> sessions, Life life) {
    std::string texts;
    for (const Thinned& session : sessions) {
        texts.append("<pre class=\"session\" hidden>").append(escaped(session.text)).append("</pre>\n");
    }
    return Filler(embedded::html())
        .fill("@chart licence@", embedded::chart_licence())
        .fill("@connections@", life == Life::goes_on ? "'self'" : "'none'")
        .fill("@chart style@", embedded::chart_style())
        .fill("@style@", embedded::style())
        .fill("@sessions@", texts)
        .fill("@figures@", escaped(figure_table(sessions)))
        .fill("@chart script@", embedded::chart_script())
        .fill("@script@", embedded::script())
        .finish();
}

}  // namespace mp::report
