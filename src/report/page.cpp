#include "report/page.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <vector>

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
            figures[i] = !is_level ? next.figures[i] : columns[i].starts_with("largest hole") ? lower : higher;
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

}  // namespace

std::expected<std::string, session::Problem> thin(std::string_view file, std::string_view name, std::size_t most_rows) {
    auto reader = session::Reader::open(file);
    if (!reader) {
        return std::unexpected(reader.error());
    }
    const auto lines = static_cast<std::size_t>(std::ranges::count(file, '\n'));
    const std::size_t width = (lines + most_rows - 1) / most_rows;
    std::string out;
    session::Writer writer;
    writer.open({[](void* context, const void* data, std::size_t size) {
                     try {
                         static_cast<std::string*>(context)->append(static_cast<const char*>(data), size);
                         return true;
                     } catch (const std::bad_alloc&) {
                         return false;
                     }
                 },
                 &out});
    for (const std::string& column : reader->columns()) {
        writer.column(column);
    }
    writer.begin();
    writer.event(0, "file", name);
    Row merged;
    Row newest;  // is never merged while it may be the last one
    const auto flush = [&writer](Row& row) {
        if (row.rows != 0) {
            writer.row(row.ms, row.figures);
        }
        row.rows = 0;
    };
    for (bool first = true; reader->next();) {
        if (!reader->event().empty()) {
            flush(merged);
            flush(newest);
            writer.event(reader->ms(), "", reader->event());
            continue;
        }
        if (newest.rows != 0) {
            merged.add(newest, reader->columns());
        }
        if (merged.rows >= width) {
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
        writer.event(reader->ms(), session::kWarning, remark);
    }
    if (!writer.is_open()) {
        throw std::bad_alloc();
    }
    return out;
}

std::string page(std::span<const std::string> sessions, Life life) {
    std::string texts;
    for (const std::string& session : sessions) {
        texts.append("<pre class=\"session\" hidden>").append(escaped(session)).append("</pre>\n");
    }
    return Filler(embedded::html())
        .fill("@chart licence@", embedded::chart_licence())
        .fill("@connections@", life == Life::goes_on ? "'self'" : "'none'")
        .fill("@chart style@", embedded::chart_style())
        .fill("@style@", embedded::style())
        .fill("@sessions@", texts)
        .fill("@figures@", embedded::figures())
        .fill("@chart script@", embedded::chart_script())
        .fill("@script@", embedded::script())
        .finish();
}

}  // namespace mp::report
