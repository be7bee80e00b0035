// The extender host, when it is in the process.
#pragma once

#include "host/host_api.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mp::app {

class Extender {
public:
    Extender();

    [[nodiscard]] bool present() const { return main_loop_ != nullptr; }
    /// What the extender's hook in the main loop does.
    void main_loop_pass() const;
    void message(std::uint32_t type) const;
    /// A frame, of the game or of a loading screen, is about to be shown.
    void frame_present(bool loading) const;
    [[nodiscard]] std::vector<std::string> plugins() const;
    /// A command typed into the console; no value when it is unknown or failed.
    [[nodiscard]] std::optional<double> run_command(const std::string& line) const;
    /// The same command as a condition.
    [[nodiscard]] std::optional<double> eval_condition(const std::string& name) const;

private:
    host::HostMainLoop main_loop_ = nullptr;
    host::HostMessage message_ = nullptr;
    host::HostRunCommand run_command_ = nullptr;
    host::HostEvalCondition eval_condition_ = nullptr;
    host::HostPluginCount plugin_count_ = nullptr;
    host::HostPluginAt plugin_at_ = nullptr;
};

}  // namespace mp::app
