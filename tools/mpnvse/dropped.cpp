#include "mpnvse/dropped.h"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "mpnvse/files.h"
#include "mpnvse/game_folder.h"
#include "mpnvse/platform.h"
#include "session/writer.h"

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

Dropped look_into(const fs::path& folder) {
    const GameFolder game = look_around(folder);
    std::vector<std::string> problems;
    Dropped found{.programs = {}, .sessions = sessions_of(game, problems), .rest = {}};
    if (game.program) {
        found.programs.push_back(*game.program);
    }
    for (const std::string& problem : problems) {
        found.rest.errors += fmt::format("mpnvse: {}\n", problem);
        found.rest.code = kNotReadable;
    }
    if (found.programs.empty() && found.sessions.empty() && problems.empty()) {
        found.rest = {kFailed,
                      {},
                      fmt::format("mpnvse: {}: neither FalloutNV.exe nor a session, MemoryPoolNVSE*.csv, is here\n",
                                  to_text(folder))};
    }
    return found;
}

}  // namespace

Dropped look_at(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        return look_into(path);
    }
    const auto file = InputFile::open(path);
    std::array<std::uint8_t, session::kFirstColumns.size()> bytes{};
    const auto got = file ? file->read(0, bytes) : std::unexpected(file.error());
    if (!got) {
        return {.programs = {}, .sessions = {}, .rest = {kNotReadable, {}, fmt::format("mpnvse: {}\n", got.error())}};
    }
    const std::string_view head(reinterpret_cast<const char*>(bytes.data()), *got);
    if (head == session::kFirstColumns) {
        return {.programs = {}, .sessions = {path}, .rest = {}};
    }
    if (head.starts_with("MZ")) {
        return {.programs = {path}, .sessions = {}, .rest = {}};
    }
    return {.programs = {},
            .sessions = {},
            .rest = {kFailed, {}, fmt::format("mpnvse: {}: neither a session nor a program\n", to_text(path))}};
}

}  // namespace mp::tools
