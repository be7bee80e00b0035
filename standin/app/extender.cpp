#include "app/extender.h"

#include "game/nvse_abi.h"

#include <bit>
#include <windows.h>

namespace mp::app {
namespace {

template <typename Function>
void bind(HMODULE module, const char* name, Function* out) {
    *out = std::bit_cast<Function>(GetProcAddress(module, name));
}

}  // namespace

Extender::Extender() {
    const HMODULE module = GetModuleHandleA("nvse_1_4.dll");
    if (module == nullptr) {
        return;
    }
    bind(module, host::kHostMainLoop, &main_loop_);
    bind(module, host::kHostMessage, &message_);
    bind(module, host::kHostRunCommand, &run_command_);
    bind(module, host::kHostEvalCondition, &eval_condition_);
    bind(module, host::kHostPluginCount, &plugin_count_);
    bind(module, host::kHostPluginAt, &plugin_at_);
}

void Extender::main_loop_pass() const {
    if (main_loop_ != nullptr) {
        main_loop_();
    }
}

void Extender::message(std::uint32_t type) const {
    if (message_ != nullptr) {
        message_(type, nullptr, 0, nullptr);
    }
}

void Extender::frame_present(bool loading) const {
    if (message_ != nullptr) {
        std::int32_t kind = loading ? 1 : 0;
        message_(nvse::kMessageFramePresent, &kind, sizeof kind, nullptr);
    }
}

std::vector<std::string> Extender::plugins() const {
    std::vector<std::string> names;
    host::HostPlugin plugin{};
    for (std::uint32_t i = 0; plugin_count_ != nullptr && i < plugin_count_(); ++i) {
        plugin_at_(i, &plugin);
        names.emplace_back(plugin.name);
    }
    return names;
}

std::optional<double> Extender::run_command(const std::string& line) const {
    double result = 0;
    if (run_command_ == nullptr || !run_command_(line.c_str(), &result)) {
        return std::nullopt;
    }
    return result;
}

std::optional<double> Extender::eval_condition(const std::string& name) const {
    double result = 0;
    if (eval_condition_ == nullptr || !eval_condition_(name.c_str(), &result)) {
        return std::nullopt;
    }
    return result;
}

}  // namespace mp::app
