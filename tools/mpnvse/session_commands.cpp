#include "mpnvse/session_commands.h"

#include <array>
#include <cmath>
#include <expected>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mpnvse/files.h"
#include "mpnvse/function_names.h"
#include "mpnvse/game_folder.h"
#include "mpnvse/platform.h"
#include "report/figures.h"
#include "report/page.h"

namespace mp::tools {

namespace {

using Json = nlohmann::ordered_json;

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
    Loaded loaded{
        .path = path,
        .text = FunctionNames([&path] { return folders_of_modules(path); }).added_to({bytes->begin(), bytes->end()}),
        .summary = {}};
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
    std::vector<report::Thinned> thinned;
    std::vector<std::filesystem::path> inputs;
    for (const Loaded* session : sessions) {
        inputs.push_back(session->path);
        thinned.push_back(report::thin(session->text, session->name(), session->summary));
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

std::vector<std::string> remarks_of(const report::Summary& summary) {
    std::vector<std::string> texts = summary.remarks;
    if (!summary.frame_cap.empty()) {
        texts.push_back(summary.frame_cap);
    }
    return texts;
}

Json or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

/// With three digits, or whole.
std::string number(const std::optional<double>& value) {
    constexpr double kThreeDigits = 100;
    if (!value) {
        return "not measured";
    }
    return *value == std::round(*value) || std::abs(*value) >= kThreeDigits ? fmt::format("{:.0f}", *value)
                                                                            : fmt::format("{:.3g}", *value);
}

Json spread_json(const report::Figure& figure) {
    return figure.spread ? Json{figure.spread->low, figure.spread->high} : Json(nullptr);
}

std::string json_text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json report_json(const Loaded& session) {
    Json json{{"file", to_text(session.path)},      {"verdict", session.summary.verdict},
              {"remarks", session.summary.remarks}, {"frame_cap", session.summary.frame_cap},
              {"rows", session.summary.rows},       {"figures", Json::array()},
              {"totals", Json::object()},           {"events", Json::array()}};
    for (const report::Figure& figure : session.summary.figures) {
        json["figures"].push_back({{"name", figure.name},
                                   {"unit", figure.unit},
                                   {"value", or_null(figure.value)},
                                   {"spread", spread_json(figure)}});
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
                           {"ratio", or_null(ratio(a, b))},
                           {"first_spread", spread_json(a)},
                           {"second_spread", spread_json(b)},
                           {"change", describe_difference(a, b)}});
    }
    return {{"first", to_text(first.path)},
            {"second", to_text(second.path)},
            {"remarks", {{"first", first.summary.remarks}, {"second", second.summary.remarks}}},
            {"frame_cap", {{"first", first.summary.frame_cap}, {"second", second.summary.frame_cap}}},
            {"figures", figures}};
}

/// A table of fixed width.
std::string comparison_text(const Loaded& first, const Loaded& second) {
    std::string not_measured;
    std::string out =
        fmt::format("A: {}\nB: {}\n\n{:<32}{:>14}{:>14}\n", to_text(first.path), to_text(second.path), "", "A", "B");
    for (std::size_t i = 0; i < first.summary.figures.size(); ++i) {
        const report::Figure& a = first.summary.figures[i];
        const report::Figure& b = second.summary.figures[i];
        if (a.value || b.value) {
            const std::string change = a.value && b.value ? describe_difference(a, b) : "";
            const std::string line =
                fmt::format("{:<32}{:>14}{:>14}  {:<7}{}", a.name, number(a.value), number(b.value), a.unit, change);
            out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        } else {
            not_measured += (not_measured.empty() ? "" : "; ") + a.name;
        }
    }
    out += not_measured.empty() ? "" : fmt::format("\nnot measured in either: {}\n", not_measured);
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
    const std::optional<double>& seconds = summary.figures.front().value;
    return {0,
            fmt::format("{}: {} rows{}; {}\n{}{}\n", to_text(request.session), summary.rows,
                        seconds ? fmt::format(", {} s", number(seconds)) : "", summary.verdict,
                        lines(remarks_of(summary)), to_text(output)),
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
        if (const std::vector<std::string> texts = remarks_of(session->summary); !texts.empty()) {
            out += fmt::format("\n{}\n{}", to_text(session->path), lines(texts));
        }
    }
    return {0, request.output ? out + fmt::format("\n{}\n", to_text(*request.output)) : out, {}};
}

}  // namespace mp::tools
