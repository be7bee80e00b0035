#include "mpnvse/watch.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

// Nothing of it is used; it would make the program larger.
#define CPPHTTPLIB_NO_EXCEPTIONS
#include <httplib.h>

#include "mpnvse/files.h"
#include "mpnvse/function_names.h"
#include "mpnvse/game_folder.h"
#include "mpnvse/platform.h"
#include "mpnvse/sha256.h"
#include "report/page.h"

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLoopback = "127.0.0.1";
/// A browser keeps up to six connections open.
constexpr std::size_t kThreads = 8;

// --- what is shown ---------------------------------------------------------------------------------------------------

/// The session itself, or the newest one that a folder's game has written, not counting those before it.
std::expected<fs::path, std::string> session_of(const fs::path& target) {
    std::error_code error;
    if (!fs::is_directory(target, error)) {
        return target;
    }
    std::vector<std::string> problems;
    const std::vector<fs::path> sessions = sessions_of(look_around(target), problems);
    const auto current =
        std::ranges::find_if(sessions, [](const fs::path& path) { return !is_previous(to_text(path.filename())); });
    if (current != sessions.end()) {
        return *current;
    }
    return std::unexpected(problems.empty() ? "no session yet" : problems.front());
}

/// What is answered: a page, or a line that says what is waited for.
struct Answer {
    std::string text;
    const char* type = "text/plain; charset=utf-8";
    std::string version;  ///< changes with the page; "" when it is none
};

/// The whole lines of a session, and one that says that it goes on when it has no end.
std::string so_far(std::string_view session) {
    std::string text(session.substr(0, session.rfind('\n') + 1));
    const std::size_t last = text.empty() ? 0 : text.rfind('\n', text.size() - 2) + 1;
    const std::string line = text.substr(last);
    if (last != 0 && !line.contains(",\"end: ")) {
        text += line.substr(0, line.find(',')) + ",\"page: of the session so far\"\n";
    }
    return text;
}

/// Changes when the session begins anew, and when it grows.
std::string version_of(const InputFile& file) {
    std::array<std::uint8_t, 16384> head{};  // the names of the columns, and when it started
    const std::size_t size = file.read(0, head).value_or(0);
    const std::string_view text(reinterpret_cast<const char*>(head.data()), size);
    const std::size_t second = text.find('\n', text.find('\n') + 1);
    const std::string hash = sha256(std::span(head).first(std::min(second, size)));
    return fmt::format("\"{}-{}\"", std::string_view(hash).substr(0, 16), file.size());
}

/// The names of the functions in the session that is shown, for any thread.
class Names {
public:
    std::string added_to(const std::string& text, const fs::path& session) {
        const std::scoped_lock lock(mutex_);
        if (!names_ || session != session_) {
            session_ = session;
            names_.emplace([session] { return folders_of_modules(session); });
        }
        return names_->added_to(text);
    }

private:
    std::mutex mutex_;
    fs::path session_;
    std::optional<FunctionNames> names_;
};

std::expected<Answer, std::string> page_of(const fs::path& session, std::string_view seen, Names& names) {
    const auto file = InputFile::open(session);
    if (!file) {
        return std::unexpected(file.error());
    }
    std::string version = version_of(*file);
    if (version == seen) {
        return Answer{.text = {}, .version = std::move(version)};
    }
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(file->size()));
    const auto got = file->read(0, bytes);
    if (!got) {
        return std::unexpected(got.error());
    }
    const std::string text = names.added_to(so_far({reinterpret_cast<const char*>(bytes.data()), *got}), session);
    const std::string name = to_text(session.filename());
    const auto thinned = report::thin(text, name);
    if (!thinned) {
        return std::unexpected(describe(thinned.error(), name));
    }
    return Answer{.text = report::page(std::array{*thinned}, report::Life::goes_on),
                  .type = "text/html; charset=utf-8",
                  .version = std::move(version)};
}

Answer answer(const fs::path& target, std::string_view seen, Names& names) {
    const auto session = session_of(target);
    auto page = session ? page_of(*session, seen, names) : std::unexpected(session.error());
    return page ? std::move(*page)
                : Answer{.text = fmt::format("Waiting for the session: {}\n", page.error()), .version = {}};
}

// --- who is answered -------------------------------------------------------------------------------------------------

/// Nobody guesses it.
std::expected<std::string, std::string> random_name() {
    std::array<std::uint8_t, 16> bytes{};
    if (!fill_with_random(bytes)) {
        return std::unexpected("the system gives no random number");
    }
    return fmt::format("{:02x}", fmt::join(bytes, ""));
}

/// The name that a request uses for this machine must be its number: a page from elsewhere can point a name of its own
/// here, and would then pass for ours.
bool is_allowed(const httplib::Request& request, const std::string& host, const std::string& path) {
    return request.method == "GET" && request.get_header_value_count("Host") == 1 &&
           request.get_header_value("Host") == host && request.path == path;
}

void set_up(httplib::Server& server, const fs::path& target, const std::string& host, const std::string& path) {
    server.set_pre_routing_handler([host, path](const httplib::Request& request, httplib::Response& response) {
        response.set_header("Cache-Control", "no-store");
        response.set_header("X-Content-Type-Options", "nosniff");
        response.set_header("Referrer-Policy", "no-referrer");
        response.set_header("Cross-Origin-Resource-Policy", "same-origin");
        if (is_allowed(request, host, path)) {
            return httplib::Server::HandlerResponse::Unhandled;
        }
        response.status =
            request.method == "GET" ? httplib::StatusCode::Forbidden_403 : httplib::StatusCode::MethodNotAllowed_405;
        response.set_header("Connection", "close");
        return httplib::Server::HandlerResponse::Handled;
    });
    server.Get(path, [target, names = std::make_shared<Names>()](const httplib::Request& request,
                                                                 httplib::Response& response) {
        const std::string seen = request.get_header_value("If-None-Match");
        const Answer given = answer(target, seen, *names);
        if (given.version.empty()) {
            response.set_header("Refresh", "2");  // a browser asks again by itself
        } else {
            response.set_header("ETag", given.version);
        }
        if (!given.version.empty() && given.version == seen) {
            response.status = httplib::StatusCode::NotModified_304;
        } else {
            response.set_content(given.text, given.type);
        }
    });
}

}  // namespace

Outcome watch(const fs::path& target, const std::function<void(const std::string& address)>& is_ready) {
    std::error_code error;
    if (!fs::exists(target, error)) {
        return {kNotReadable, {}, fmt::format("mpnvse: {}: no such file or folder\n", to_text(target))};
    }
    const auto name = random_name();
    if (!name) {
        return {kFailed, {}, fmt::format("mpnvse: {}\n", name.error())};
    }
    httplib::Server server;
    server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server.set_socket_options([](socket_t /*socket*/) {});  // the library's own would share the port with others
    server.set_payload_max_length(0);
    const int port = server.bind_to_any_port(kLoopback);
    if (port <= 0) {
        return {kFailed, {}, "mpnvse: the system gives no port on 127.0.0.1\n"};
    }
    const std::string host = fmt::format("{}:{}", kLoopback, port);
    const std::string path = fmt::format("/{}/", *name);
    set_up(server, target, host, path);
    is_ready(fmt::format("http://{}{}", host, path));
    server.listen_after_bind();
    return {kFailed, {}, "mpnvse: the page is not served any more\n"};
}

}  // namespace mp::tools
