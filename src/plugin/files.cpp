#include "plugin/files.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "os/executable.h"
#include "plugin/log_folder.h"
#include "plugin/version.h"

namespace mp::plugin::files {

namespace {

// --- folders -----------------------------------------------------------------------------------------------------

struct Folder {
    char path[os::kMaxPath] = {};  ///< ends in a separator; "" when there is none
    const char* name = "";         ///< for the player
};

/// The three that are tried, in this order.
struct Folders {
    Folder all[3];
    std::size_t first = 0;  ///< where the log is: everything else goes there, too
    bool known = false;
};
constinit Folders g_folders;

/// Two texts as one path; "" when there is no room.
template <std::size_t Size>
bool join(const char* first, const char* second, const char* third, char (&out)[Size]) noexcept {
    const int written = std::snprintf(out, Size, "%s%s%s", first, second, third);
    if (written < 0 || static_cast<std::size_t>(written) >= Size) {
        out[0] = '\0';
    }
    return out[0] != '\0';
}

void find_log_folder(const char* game, Folder& folder) noexcept {
    static char config[os::kMaxPath];
    static LogFolder configured;
    if (!join(game, "Data\\NVSE\\nvse_config.ini", "", config)) {
        return;
    }
    read_ini(config, configured);  // a missing file leaves the game's folder
    os::code_page_to_utf8(configured.text, sizeof configured.text);
    const std::size_t length = std::strlen(configured.text);
    if (length != 0) {
        const char last = configured.text[length - 1];
        join(game, configured.text, last == '\\' || last == '/' ? "" : "\\", folder.path);
    }
}

Folders& folders() noexcept {
    auto& [log, game, documents] = g_folders.all;
    if (!g_folders.known) {
        g_folders.known = true;
        log.name = "the folder of sPluginLogPath";
        game.name = "the game's folder";
        documents.name = "Documents\\My Games\\FalloutNV";
        if (os::executable_folder(game.path, sizeof game.path)) {
            find_log_folder(game.path, log);
        } else {
            game.path[0] = '\0';
        }
    }
    return g_folders;
}

/// Empty where there is none. Documents are asked for when they are needed.
const Folder& folder(std::size_t index) noexcept {
    Folder& one = folders().all[index];
    if (index + 1 == std::size(folders().all) && one.path[0] == '\0' &&
        !os::game_documents_folder(one.path, sizeof one.path)) {
        one.path[0] = '\0';
    }
    return one;
}

// --- the last run's ----------------------------------------------------------------------------------------------

/// Whether a session has a row, whose second cell, for the event, is empty.
bool has_row(const char* path) noexcept {
    static char bytes[64 * 1024];
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(os::open_file(path, "rb"), &std::fclose);
    if (file == nullptr) {
        return true;  // held by another program: whoever can read it may find one
    }
    std::string_view text(bytes, std::fread(bytes, 1, sizeof bytes, file.get()));
    if (text.size() == sizeof bytes) {
        return true;
    }
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        const std::string_view line = text.substr(0, end);
        const std::size_t event = line.find(',') + 1;
        if (event != 0 && (event == line.size() || line[event] == ',')) {
            return true;
        }
        text.remove_prefix(end + 1);
    }
    return false;
}

bool is_worth_keeping(const Kind& kind, const char* path) noexcept {
    return os::file_exists(path) && (&kind != &kSession || has_row(path));
}

struct Kept {
    os::FileError error = 0;
    bool kept = false;
};

Kept keep(const Kind& kind, const char* path) noexcept {
    char previous[os::kMaxPath];
    if (!is_worth_keeping(kind, path) || !beside(path, kind.previous, previous)) {
        return {};
    }
    const os::FileError error = os::rename_file(path, previous);
    return {.error = error, .kept = error == 0};
}

os::FileError begin_in(const Folder& folder, const Kind& kind, os::AppendFile& file, char (&path)[os::kMaxPath],
                       Begun& begun) noexcept {
    if (!join(folder.path, MP_PLUGIN_NAME, kind.ending, path)) {
        return os::kNoFolder;
    }
    const Kept last = keep(kind, path);
    begun.kept = last.kept;
    if (last.error != 0) {
        return last.error;
    }
    os::FileError error = file.create(path);
    if (error == os::kNoFolder) {
        error = os::make_folder_of(path);
        error = error != 0 ? error : file.create(path);
    }
    return error;
}

}  // namespace

Begun begin(const Kind& kind, os::AppendFile& file, char (&path)[os::kMaxPath]) noexcept {
    Begun begun;
    os::FileError error = 0;
    const Folder* refused = nullptr;
    for (std::size_t i = folders().first; i < std::size(folders().all) && !begun.done; ++i) {
        const Folder& here = folder(i);
        if (here.path[0] == '\0') {
            continue;
        }
        const os::FileError answer = begin_in(here, kind, file, path, begun);
        begun.done = answer == 0;
        if (answer != 0 && refused == nullptr) {
            refused = &here;
            error = answer;
        }
        if (begun.done && &kind == &kLog) {
            folders().first = i;
        }
        if (begun.done && refused != nullptr) {
            std::snprintf(begun.fault, sizeof begun.fault,
                          MP_PLUGIN_NAME "%s cannot be written in %s (%s); it is in %s", kind.ending, refused->name,
                          os::describe(error).text, here.name);
        }
    }
    if (!begun.done) {
        path[0] = '\0';
        std::snprintf(begun.fault, sizeof begun.fault, MP_PLUGIN_NAME "%s cannot be written in %s (%s), nor elsewhere",
                      kind.ending, refused != nullptr ? refused->name : "any folder", os::describe(error).text);
    }
    return begun;
}

bool beside(const char* path, const char* ending, char (&out)[os::kMaxPath]) noexcept {
    const auto folder_length = static_cast<int>(os::file_name(path) - path);
    const int written = std::snprintf(out, sizeof out, "%.*s" MP_PLUGIN_NAME "%s", folder_length, path, ending);
    const bool fits = path[0] != '\0' && written > 0 && static_cast<std::size_t>(written) < sizeof out;
    if (!fits) {
        out[0] = '\0';
    }
    return fits;
}

bool keep_last(const Kind& kind, const char* path) noexcept {
    return keep(kind, path).kept;
}

}  // namespace mp::plugin::files
