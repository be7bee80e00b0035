#include "mpnvse/bundle.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mpnvse/files.h"
#include "mpnvse/game_folder.h"
#include "mpnvse/platform.h"
#include "mpnvse/user_names.h"
#include "mpnvse/zip_file.h"
#include "session/reader.h"

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCrashLog = "crash";
constexpr std::string_view kSettingsFolder = "Data/NVSE/Plugins";

/// What is packed, and what is said of it.
class Bundle {
public:
    explicit Bundle(const fs::path& folder) : game_(look_around(folder)) {}

    void gather() {
        for (const Place& place : game_.places) {
            add_all(place.name, place.folder, &is_text_of_plugin);
        }
        if (!game_.places.empty()) {
            gather_from_game(game_.places.front().folder);
        }
        gather_crash_log();
        gather_modules();
    }

    /// Where was looked, what was found, what was not.
    [[nodiscard]] std::string contents() const {
        std::string text = "looked in\n";
        for (const Place& place : game_.places) {
            text += fmt::format("  {}: {}\n", place.name, to_text(place.folder));
        }
        text += "packed\n";
        for (const ZipEntry& entry : entries_) {
            text += fmt::format("  {}, {} bytes\n", entry.name, entry.bytes.size());
        }
        add_list(text, "not found", missing());
        add_list(text, "not readable", problems_);
        return text;
    }

    [[nodiscard]] bool has_anything_of_plugin() const {
        return has([](std::string_view name) { return is_text_of_plugin(name); });
    }

    [[nodiscard]] const std::vector<fs::path>& inputs() const { return inputs_; }

    /// Adds a text of ours.
    void add_text(std::string name, std::string_view text) {
        entries_.push_back(
            {std::move(name), without_user_names(text, lead_byte_of(text)), fs::file_time_type::clock::now()});
    }
    [[nodiscard]] std::expected<std::string, std::string> zip() const { return make_zip(entries_); }

private:
    template <typename Wanted>
    void add_all(std::string_view place, const fs::path& folder, Wanted is_wanted) {
        for (const fs::path& file : files_in(folder, is_wanted, problems_)) {
            add(place, file);
        }
    }

    void add(std::string_view place, const fs::path& file) {
        const auto bytes = read_file(file);
        if (!bytes) {
            problems_.push_back(bytes.error());
            return;
        }
        const std::string text(bytes->begin(), bytes->end());
        std::error_code error;
        const auto time = fs::last_write_time(file, error);
        inputs_.push_back(file);
        entries_.push_back({fmt::format("{}/{}", place, to_text(file.filename())),
                            without_user_names(text, lead_byte_of(text)),
                            error ? fs::file_time_type::clock::now() : time});
    }

    /// Settings, the extender's logs.
    void gather_from_game(const fs::path& folder) {
        if (const auto settings = find_inside(folder, kSettingsFolder)) {
            add_all(fmt::format("game/{}", kSettingsFolder), *settings, &is_text_of_plugin);
        }
        if (const auto settings = find_inside(folder, "Data/NVSE/nvse_config.ini")) {
            add("game/Data/NVSE", *settings);
        }
        add_all("game", folder, [](std::string_view name) {
            return starts_with_ignoring_case(name, "nvse") && ends_with_ignoring_case(name, ".log");
        });
    }

    /// The newest one: CrashLogger moves older ones into a folder of their own.
    void gather_crash_log() {
        const auto is_crash_log = [](std::string_view name) { return starts_with_ignoring_case(name, "CrashLogger"); };
        std::vector<fs::path> logs;
        const auto take = [&](const fs::path& folder, const auto& is_wanted) {
            const auto found = files_in(folder, is_wanted, problems_);
            if (!found.empty()) {
                logs.push_back(found.front());
            }
        };
        for (const Place& place : game_.places) {
            take(place.folder, is_crash_log);
            if (const auto older = find_inside(place.folder, "Crash Logs")) {
                take(*older, [](std::string_view name) { return ends_with_ignoring_case(name, ".log"); });
            }
        }
        const auto newest = std::ranges::max_element(logs, {}, [](const fs::path& file) {
            std::error_code error;
            const auto time = fs::last_write_time(file, error);
            return error ? fs::file_time_type::min() : time;
        });
        if (newest != logs.end()) {
            add(kCrashLog, *newest);
        }
    }

    /// As the newest session that has them lists them.
    void gather_modules() {
        std::vector<std::string> ignored;  // was said when they were packed
        for (const fs::path& path : sessions_of(game_, ignored)) {
            const auto bytes = read_file(path);
            std::string modules = bytes ? modules_of({bytes->begin(), bytes->end()}) : "";
            if (!modules.empty()) {
                add_text("modules.txt", fmt::format("of {}\n{}", to_text(path.filename()), modules));
                return;
            }
        }
    }

    static std::string modules_of(const std::string& session) {
        constexpr std::string_view kModule = "module ";
        std::string list;
        auto reader = session::Reader::open(session);
        while (reader && reader->next()) {
            if (std::string_view event = reader->event(); event.starts_with(kModule)) {
                list.append(event.substr(kModule.size())).append("\n");
            }
        }
        return list;
    }

    template <typename Wanted>
    [[nodiscard]] bool has(Wanted is_wanted) const {
        return std::ranges::any_of(entries_, [&](const ZipEntry& entry) {
            return is_wanted(std::string_view(entry.name).substr(entry.name.rfind('/') + 1));
        });
    }

    [[nodiscard]] std::vector<std::string> missing() const {
        const auto of_plugin = [](std::string_view end) {
            return
                [end](std::string_view name) { return is_text_of_plugin(name) && ends_with_ignoring_case(name, end); };
        };
        const std::pair<bool, const char*> wanted[] = {
            {has(of_plugin(".log")), "log of MemoryPoolNVSE"},
            {has(of_plugin(".ini")), "settings, MemoryPoolNVSE.ini: the defaults are in use"},
            {has(&is_session), "session of MemoryPoolNVSE"},
            {has([](std::string_view name) { return starts_with_ignoring_case(name, "nvse.log"); }), "nvse.log"},
            {has_crash_log(), "log of CrashLogger"},
            {has([](std::string_view name) { return name == "modules.txt"; }), "list of modules: no session has one"},
        };
        std::vector<std::string> texts;
        for (const auto& [is_there, what] : wanted) {
            if (!is_there) {
                texts.emplace_back(what);
            }
        }
        return texts;
    }

    [[nodiscard]] bool has_crash_log() const {
        return std::ranges::any_of(entries_, [](const ZipEntry& entry) { return entry.name.starts_with(kCrashLog); });
    }

    static void add_list(std::string& text, std::string_view title, const std::vector<std::string>& lines) {
        if (!lines.empty()) {
            text += fmt::format("{}\n", title);
        }
        for (const std::string& line : lines) {
            text += fmt::format("  {}\n", line);
        }
    }

    GameFolder game_;
    std::vector<ZipEntry> entries_;
    std::vector<fs::path> inputs_;
    std::vector<std::string> problems_;
};

}  // namespace

Outcome make_bundle(const BundleRequest& request) {
    Bundle bundle(request.folder);
    bundle.gather();
    const std::string contents = bundle.contents();
    if (!bundle.has_anything_of_plugin()) {
        return {
            kNotReadable, contents,
            fmt::format("mpnvse: nothing of MemoryPoolNVSE in {}: name the game's folder\n", to_text(request.folder))};
    }
    bundle.add_text("contents.txt", contents);
    const auto zip = bundle.zip();
    const fs::path output = request.output.value_or(kBundleName);
    const auto written = zip ? write_file(output, *zip, bundle.inputs()) : std::unexpected(zip.error());
    if (!written) {
        return {kFailed, {}, fmt::format("mpnvse: {}\n", written.error())};
    }
    return {0,
            contents +
                fmt::format("names of users in paths: replaced by {}\n{}\n", kSomebody, to_text(fs::absolute(output))),
            {}};
}

}  // namespace mp::tools
