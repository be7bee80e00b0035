// Where the plugin and its neighbours write, seen from the game's folder.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mp::tools {

/// A folder that was looked into.
struct Place {
    std::string name;  ///< "game", "logs" (of xNVSE's plugins), "documents" (the plugin's second choice), "here"
    std::filesystem::path folder;
};

struct GameFolder {
    std::optional<std::filesystem::path> program;  ///< FalloutNV.exe
    std::vector<Place> places;                     ///< "game" is the first one; those that are there, each once
};

/// `folder` is the game's, or one inside it: then it is a place of its own. Reads xNVSE's settings for the folder of
/// logs.
GameFolder look_around(const std::filesystem::path& folder);

/// What is in a folder under these names, one inside the other, in any case: Proton's folders have the game's own.
std::optional<std::filesystem::path> find_inside(const std::filesystem::path& folder, std::string_view names);

/// Regular files in a folder whose names are wanted, the newest first; a folder that is not there holds none. One that
/// cannot be read is a line in `problems`.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                            const std::function<bool(std::string_view name)>& is_wanted,
                                            std::vector<std::string>& problems);

/// Of the plugin, by its name: its log, settings, sessions; not its DLL and what can be made anew from them.
bool is_text_of_plugin(std::string_view name);

/// By its name: a session, also the one before the last.
bool is_session(std::string_view name);
bool is_previous(std::string_view name);

/// Sessions in all places, the newest first.
std::vector<std::filesystem::path> sessions_of(const GameFolder& game, std::vector<std::string>& problems);

/// Where files about the modules of a session may lie: beside it, and beside the plugins.
std::vector<std::filesystem::path> folders_of_modules(const std::filesystem::path& session);

/// As keys and names of files are compared.
bool starts_with_ignoring_case(std::string_view text, std::string_view start);
bool ends_with_ignoring_case(std::string_view text, std::string_view end);

}  // namespace mp::tools
