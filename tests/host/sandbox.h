// A game folder of its own for each test, and one run of the small game in it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mp::test {

/// A temporary folder with the loader, the extender and a game. Removed at the end.
class Sandbox {
public:
    Sandbox();
    ~Sandbox();
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;

    /// Puts a DLL of the build into the plugin folder under `name`; `settings` is its INI section's body.
    void add_plugin(const std::string& name, const std::string& settings = "",
                    const std::string& dll = "probe_plugin.dll");
    void write_file(const std::string& relative_path, const std::string& text) const;
    /// An override of the host, for the runs to come.
    void override_host(const std::string& key, const std::string& value);

    /// Runs a game of the build there to its end. False when it did not end with 0.
    bool run(const std::string& arguments, const std::string& game = "host_game.exe");

    /// Lines of the game's output, of events.txt and of a log, after a run.
    [[nodiscard]] std::vector<std::string> output() const;
    [[nodiscard]] std::vector<std::string> events() const;
    /// Events of one plugin, without its name.
    [[nodiscard]] std::vector<std::string> events_of(const std::string& plugin) const;
    [[nodiscard]] std::string log(const std::string& name) const;

private:
    std::string folder_;
    std::vector<std::pair<std::string, std::string>> overrides_;
};

}  // namespace mp::test
