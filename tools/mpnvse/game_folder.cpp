#include "mpnvse/game_folder.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mpnvse/platform.h"
#include "os/file.h"
#include "plugin/log_folder.h"

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgram = "FalloutNV.exe";
constexpr std::string_view kExtenderSettings = "Data/NVSE/nvse_config.ini";
constexpr std::string_view kInDocuments = "My Games/FalloutNV";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string log_folder_of(const fs::path& game) {
    plugin::LogFolder folder;
    if (const auto settings = find_inside(game, kExtenderSettings)) {
        plugin::read_ini(to_text(*settings).c_str(), folder);
    }
    std::string text = from_code_page(folder.text);
    std::ranges::replace(text, '\\', '/');
    return text.substr(0, text.find_last_not_of('/') + 1);
}

/// The game's folders in Documents: that of Windows, and those that Proton keeps for it, beside the library's games.
std::vector<fs::path> documents_folders(const fs::path& game) {
    const fs::path user = game.parent_path().parent_path() / "compatdata/22380/pfx/drive_c/users/steamuser";
    std::vector<fs::path> folders{user / "Documents" / kInDocuments, user / "My Documents" / kInDocuments};
#if defined(_WIN32)
    char path[os::kMaxPath];
    if (os::game_documents_folder(path, sizeof path)) {
        folders.push_back(to_path(path));
    }
#endif
    return folders;
}

void add_place(GameFolder& game, std::string name, const fs::path& folder) {
    std::error_code error;
    const bool is_new = std::ranges::none_of(
        game.places, [&](const Place& place) { return fs::equivalent(place.folder, folder, error); });
    if (is_new && fs::is_directory(folder, error)) {
        game.places.push_back({std::move(name), folder});
    }
}

/// Newest first; of one age in the order of their names.
void sort_by_age(std::vector<fs::path>& files) {
    std::vector<std::pair<fs::file_time_type, fs::path>> dated;
    for (fs::path& file : files) {
        std::error_code error;
        const fs::file_time_type time = fs::last_write_time(file, error);
        dated.emplace_back(error ? fs::file_time_type::min() : time, std::move(file));
    }
    std::ranges::sort(dated, [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::ranges::transform(dated, files.begin(), [](auto& entry) { return std::move(entry.second); });
}

}  // namespace

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
    return text.size() >= start.size() && equal_ignoring_case(text.substr(0, start.size()), start);
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

std::optional<fs::path> find_inside(const fs::path& folder, std::string_view names) {
    const std::string_view first = names.substr(0, names.find('/'));
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        if (equal_ignoring_case(to_text(at->path().filename()), first)) {
            const bool is_last = first.size() == names.size();
            return is_last ? std::optional(at->path()) : find_inside(at->path(), names.substr(first.size() + 1));
        }
    }
    return std::nullopt;
}

std::vector<fs::path> files_in(const fs::path& folder, const std::function<bool(std::string_view name)>& is_wanted,
                               std::vector<std::string>& problems) {
    std::vector<fs::path> files;
    std::error_code error;
    fs::directory_iterator at(folder, error);
    for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
        std::error_code ignored;
        if (is_wanted(to_text(at->path().filename())) && !at->is_directory(ignored)) {
            files.push_back(at->path());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        problems.push_back(fmt::format("{}: {}", to_text(folder), message_of(error)));
    }
    sort_by_age(files);
    return files;
}

GameFolder look_around(const fs::path& folder) {
    constexpr int kMostLevels = 4;  // Data\NVSE\Plugins\Logs
    std::error_code error;
    const fs::path here = fs::absolute(folder, error).lexically_normal();
    GameFolder game;
    fs::path above = here.has_filename() ? here : here.parent_path();
    for (int level = 0; level <= kMostLevels && !game.program; ++level, above = above.parent_path()) {
        game.program = find_inside(above, kProgram);
        if (game.program) {
            add_place(game, "game", above);
        }
    }
    add_place(game, game.program ? "here" : "game", here);
    if (game.places.empty()) {
        return game;
    }
    const fs::path root = game.places.front().folder;
    if (const auto logs = find_inside(root, log_folder_of(root))) {
        add_place(game, "logs", *logs);
    }
    for (const fs::path& documents : documents_folders(root)) {
        add_place(game, "documents", documents);
    }
    return game;
}

bool is_text_of_plugin(std::string_view name) {
    constexpr std::array<std::string_view, 6> kOthers{".dll", ".pdb", ".html", ".zip", ".part", "-licences.txt"};
    return starts_with_ignoring_case(name, "MemoryPoolNVSE") &&
           std::ranges::none_of(kOthers, [name](std::string_view end) { return ends_with_ignoring_case(name, end); });
}

bool is_session(std::string_view name) {
    return is_text_of_plugin(name) && ends_with_ignoring_case(name, ".csv");
}

bool is_previous(std::string_view name) {
    return name.find(".previous") != std::string_view::npos;
}

std::vector<fs::path> folders_of_modules(const fs::path& session) {
    const fs::path folder = fs::absolute(session).parent_path();
    std::vector<fs::path> folders{folder};
    for (const Place& place : look_around(folder).places) {
        folders.push_back(place.folder);
        if (auto plugins = find_inside(place.folder, "Data/NVSE/Plugins")) {
            folders.push_back(std::move(*plugins));
        }
    }
    return folders;
}

std::vector<fs::path> sessions_of(const GameFolder& game, std::vector<std::string>& problems) {
    std::vector<fs::path> sessions;
    for (const Place& place : game.places) {
        for (fs::path& session : files_in(place.folder, &is_session, problems)) {
            sessions.push_back(std::move(session));
        }
    }
    sort_by_age(sessions);
    return sessions;
}

}  // namespace mp::tools
