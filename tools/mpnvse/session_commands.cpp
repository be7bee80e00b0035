#include "mpnvse/session_commands.h"

#include <array>
#include <cmath>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mpnvse/files.h"
#include "mpnvse/platform.h"
#include "report/figures.h"
#include "report/page.h"

namespace mp::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFailed = 1;
constexpr int kNotReadable = 3;

struct Failure {
    int code;
    std::string text;
};

/// A session that was read.
struct Loaded {
    std::filesystem::path path;
    std::string text;
    report::Summary summary;

    [[nodiscard]] std::string name() const { return to_text(path.filename()); }
};

std::expected<Loaded, Failure> load(const std::filesystem::path& path) {
    const auto bytes = read_file(path);
    if (!bytes) {
        return std::unexpected(Failure{kNotReadable, bytes.error()});
    }
    Loaded loaded{.path = path, .text = {bytes->begin(), bytes->end()}, .summary = {}};
    auto summary = report::summarise(loaded.text, to_text(path));
    if (!summary) {
        return std::unexpected(Failure{kFailed, describe(summary.error(), to_text(path))});
    }
    loaded.summary = std::move(*summary);
    return loaded;
}

Outcome failed(const Failure& failure) {
    return {failure.code, {}, fmt::format("mpnvse: {}\n", failure.text)};
}

/// Writes the page of sessions that could be read before.
std::expected<void, std::string> write_page(std::span<const Loaded* const> sessions,
                                            const std::filesystem::path& path) {
    std::vector<std::string> thinned;
    std::vector<std::filesystem::path> inputs;
    for (const Loaded* session : sessions) {
        inputs.push_back(session->path);
        thinned.push_back(report::thin(session->text, session->name()).value_or(""));
    }
    return write_file(path, report::page(thinned), inputs);
}

/// A line for each.
std::string lines(const std::vector<std::string>& texts) {
    std::string text;
    for (const std::string& one : texts) {
        text += fmt::format("  {}\n", one);
    }
    return text;
}

Json or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

std::string number(const std::optional<double>& value) {
    if (!value) {
        return "-";
    }
    return *value == std::round(*value) ? fmt::format("{:.0f}", *value) : fmt::format("{:.2f}", *value);
}

std::string json_text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json report_json(const Loaded& session) {
    Json json{
        {"file", to_text(session.path)}, {"verdict", session.summary.verdict}, {"remarks", session.summary.remarks},
        {"rows", session.summary.rows},  {"figures", Json::array()},           {"totals", Json::object()},
        {"events", Json::array()}};
    for (const report::Figure& figure : session.summary.figures) {
        json["figures"].push_back({{"name", figure.name}, {"unit", figure.unit}, {"value", or_null(figure.value)}});
    }
    for (const auto& [column, total] : session.summary.totals) {
        json["totals"][column] = total;
    }
    for (const auto& [ms, text] : session.summary.events) {
        json["events"].push_back({{"ms", ms}, {"text", text}});
    }
    return json;
}

Json comparison_json(const Loaded& first, const Loaded& second) {
    Json figures = Json::array();
    for (std::size_t i = 0; i < first.summary.figures.size(); ++i) {
        const report::Figure& a = first.summary.figures[i];
        const report::Figure& b = second.summary.figures[i];
        figures.push_back({{"name", a.name},
                           {"unit", a.unit},
                           {"first", or_null(a.value)},
                           {"second", or_null(b.value)},
                           {"ratio", or_null(ratio(a, b))}});
    }
    return {{"first", to_text(first.path)},
            {"second", to_text(second.path)},
            {"remarks", {{"first", first.summary.remarks}, {"second", second.summary.remarks}}},
            {"figures", figures}};
}

/// A table of fixed width.
std::string comparison_text(const Loaded& first, const Loaded& second) {
    std::string out = fmt::format("A: {}\nB: {}\n\n{:<32}{:>14}{:>14}{:>10}  unit\n", to_text(first.path),
                                  to_text(second.path), "", "A", "B", "B/A");
    for (std::size_t i = 0; i < first.summary.figures.size(); ++i) {
        const report::Figure& a = first.summary.figures[i];
        const report::Figure& b = second.summary.figures[i];
        const std::optional<double> by = ratio(a, b);
        out += fmt::format("{:<32}{:>14}{:>14}{:>10}  {}\n", a.name, number(a.value), number(b.value),
                           by ? fmt::format("{:.2f}", *by) : "-", a.unit);
    }
    return out;
}

}  // namespace

std::filesystem::path page_of(std::filesystem::path session) {
    return session.replace_extension(".html");
}

Outcome make_report(const ReportRequest& request) {
    const auto session = load(request.session);
    if (!session) {
        return failed(session.error());
    }
    if (request.json) {
        return {0, json_text(report_json(*session)), {}};
    }
    const std::filesystem::path output = request.output.value_or(page_of(request.session));
    if (const auto written = write_page(std::array{&*session}, output); !written) {
        return failed({kFailed, written.error()});
    }
    const report::Summary& summary = session->summary;
    return {0,
            fmt::format("{}: {} rows, {} s; {}\n{}{}\n", to_text(request.session), summary.rows,
                        number(summary.figures.front().value), summary.verdict, lines(summary.remarks),
                        to_text(output)),
            {}};
}

Outcome make_comparison(const CompareRequest& request) {
    const auto first = load(request.first);
    if (!first) {
        return failed(first.error());
    }
    const auto second = load(request.second);
    if (!second) {
        return failed(second.error());
    }
    if (request.output) {
        if (const auto written = write_page(std::array{&*first, &*second}, *request.output); !written) {
            return failed({kFailed, written.error()});
        }
    }
    if (request.json) {
        return {0, json_text(comparison_json(*first, *second)), {}};
    }
    std::string out = comparison_text(*first, *second);
    for (const Loaded* session : {&*first, &*second}) {
        if (!session->summary.remarks.empty()) {
            out += fmt::format("\n{}\n{}", to_text(session->path), lines(session->summary.remarks));
        }
    }
    return {0, request.output ? out + fmt::format("\n{}\n", request.output->string()) : out, {}};
}

}  // namespace mp::tools
