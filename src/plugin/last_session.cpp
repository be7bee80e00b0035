#include "plugin/last_session.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "plugin/console.h"
#include "plugin/files.h"
#include "plugin/log.h"
#include "plugin/page_file.h"
#include "plugin/tell.h"
#include "plugin/version.h"
#include "session/reader.h"
#include "session/writer.h"

namespace mp::plugin::last_session {

namespace {

constinit char g_session[os::kMaxPath] = {};
constinit char g_page[os::kMaxPath] = {};
constinit std::atomic<bool> g_expected{false};

/// What the last whole lines of a session say.
struct LastSeen {
    bool ended = false;
    std::uint64_t ms = 0;
    std::optional<std::int64_t> hole_kb;
    std::optional<std::int64_t> refusals;
};

std::optional<std::int64_t> figure(const session::Reader& reader, std::string_view column) {
    const auto at = std::ranges::find(reader.columns(), column);
    return at != reader.columns().end()
               ? std::optional(reader.figures()[static_cast<std::size_t>(at - reader.columns().begin())])
               : std::nullopt;
}

std::optional<LastSeen> read() {
    const std::string text = read_whole(g_session);
    auto reader = session::Reader::open(text);
    if (!reader) {
        return std::nullopt;
    }
    LastSeen seen;
    while (reader->next()) {
        seen.ended = seen.ended || session::text_of(reader->event(), session::kEnd);
    }
    seen.ms = reader->ms();
    seen.hole_kb = figure(*reader, "largest hole KB");
    seen.refusals = figure(*reader, "failed allocations");
    return seen;
}

void say(const LastSeen& seen, bool has_page, Note note) {
    std::string hole = "largest hole not measured";
    std::string refusals;
    if (seen.hole_kb) {
        hole = "largest hole " + std::string(Grouped(*seen.hole_kb >> 10).text) + " MB";
    }
    if (seen.refusals) {
        refusals = ", " + std::string(Grouped(*seen.refusals).text) + " requests refused";
    }
    char line[320];
    std::snprintf(line, sizeof line,
                  MP_PLUGIN_NAME ": the last session ended without an orderly end after %s; %s%s; " MP_PLUGIN_NAME
                                 "%s shows it",
                  Elapsed(seen.ms).text, hole.c_str(), refusals.c_str(),
                  has_page ? files::kPage.previous : files::kSession.previous);
    log::line("%s", line);
    console::tell_soon(line);
    note("last session", line);
}

}  // namespace

void expect(const char* session) noexcept {
    g_expected.store(files::beside(session, files::kSession.previous, g_session) &&
                     files::beside(session, files::kPage.previous, g_page));
}

void look(bool with_page, Note note) noexcept {
    if (!g_expected.exchange(false)) {
        return;
    }
    try {
        if (const std::optional<LastSeen> seen = read(); seen && !seen->ended) {
            say(*seen, with_page && write_page(g_session, g_page).done, note);
        }
    } catch (...) {  // out of memory: the file is still there
        g_expected.store(false);
    }
}

}  // namespace mp::plugin::last_session
