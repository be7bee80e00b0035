#include "mpnvse/session_commands.h"

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "game/sites.h"
#include "mpnvse/files.h"
#include "mpnvse/progress.h"
#include "report/comparison.h"
#include "report/data.h"
#include "report/page.h"
#include "report/summary.h"
#include "session/reader.h"

namespace mp::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFailed = 1;
constexpr int kNotReadable = 3;

struct Failure {
    int code;
    std::string text;
};

std::string label(const std::filesystem::path& path) {
    return path.filename().string();
}

std::expected<session::Session, Failure> load(const std::filesystem::path& path, bool quiet) {
    const auto file = read_file(path);
    if (!file) {
        return std::unexpected(Failure{kNotReadable, file.error()});
    }
    Progress progress("reading " + path.string(), file->size(), quiet);
    auto session = session::read(*file, [&progress](std::size_t done) { progress.at(done); });
    if (!session) {
        return std::unexpected(Failure{kFailed, fmt::format("{}: {}", path.string(), describe(session.error()))});
    }
    return std::move(*session);
}

Outcome failed(int code, const std::string& text) {
    return {code, {}, fmt::format("mpnvse: {}\n", text)};
}

/// What a reader of the page should know about the file it came from.
std::vector<std::string> remarks(const session::Session& session) {
    std::vector<std::string> texts;
    if (!session.ended_at_ms) {
        texts.emplace_back("no orderly end: the game crashed, was ended or still runs");
    }
    if (session.damage.any()) {
        texts.push_back(fmt::format("not read: {} records in the middle, {} bytes at the end",
                                    session.damage.lost_records, session.damage.tail_bytes));
    }
    return texts;
}

/// A line for each.
std::string lines(const std::vector<std::string>& texts) {
    std::string text;
    for (const std::string& one : texts) {
        text += fmt::format("  {}\n", one);
    }
    return text;
}

/// What a mode leaves to the game on purpose is no failure.
std::string choice(const report::Summary& summary) {
    return summary.asked == 0 || summary.asked == game::kMissionCount
               ? ""
               : fmt::format(" ({} chosen with the mode)", summary.asked);
}

std::string json_text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Outcome make_report(const ReportRequest& request) {
    const auto session = load(request.session, request.quiet);
    if (!session) {
        return failed(session.error().code, session.error().text);
    }
    if (request.json) {
        return {0, json_text(report::session_data(*session, label(request.session))), {}};
    }
    std::filesystem::path output = request.session;
    output = request.output.value_or(output.replace_extension(".html"));
    const std::string page = report::session_page(*session, label(request.session));
    if (const auto written = write_file(output, page); !written) {
        return failed(kFailed, written.error());
    }
    const report::Summary summary = report::summarise(*session);
    std::string out = fmt::format("{}: {} samples, {:.0f} s, {} of {} functions replaced{}, {}\n",
                                  request.session.string(), session->samples.size(), summary.seconds, summary.patched,
                                  game::kMissionCount, choice(summary), report::health_name(summary.health));
    return {0, out + lines(remarks(*session)) + fmt::format("{}\n", output.string()), {}};
}

Outcome make_comparison(const CompareRequest& request) {
    const auto first = load(request.first, request.quiet);
    if (!first) {
        return failed(first.error().code, first.error().text);
    }
    const auto second = load(request.second, request.quiet);
    if (!second) {
        return failed(second.error().code, second.error().text);
    }
    if (request.output) {
        const std::string page = report::comparison_page(*first, label(request.first), *second, label(request.second));
        if (const auto written = write_file(*request.output, page); !written) {
            return failed(kFailed, written.error());
        }
    }
    const std::vector<report::ComparedFigure> figures = report::compare(*first, *second);
    if (request.json) {
        return {0,
                json_text({{"first", request.first.string()},
                           {"second", request.second.string()},
                           {"remarks", {{"first", remarks(*first)}, {"second", remarks(*second)}}},
                           {"figures", report::comparison_data(figures)}}),
                {}};
    }
    std::string out = report::comparison_text(figures, request.first.string(), request.second.string());
    for (const auto& [session, path] : {std::pair(&*first, &request.first), std::pair(&*second, &request.second)}) {
        if (const std::vector<std::string> texts = remarks(*session); !texts.empty()) {
            out += fmt::format("\n{}\n{}", path->string(), lines(texts));
        }
    }
    return {0, request.output ? out + fmt::format("\n{}\n", request.output->string()) : out, {}};
}

}  // namespace mp::tools
