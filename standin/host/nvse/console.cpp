#include "host/nvse/console.h"

#include "game/addresses.h"
#include "game/functions.h"
#include "host/common/image.h"
#include "host/nvse/game_context.h"
#include "host/nvse/plugin_manager.h"
#include "host/nvse/script_line.h"

#include <cstdarg>
#include <string>

namespace mp::host {
namespace {

void print_va(const char* format, ...) {
    void* manager = game::fn::kConsole(true);
    va_list arguments;
    va_start(arguments, format);
    game::fn::kConsolePrint(manager, format, arguments);
    va_end(arguments);
}

/// Commands of the extender itself.
bool run_own_command(const std::string& name, std::string rest, double* result) {
    PluginManager& manager = PluginManager::instance();
    const std::string argument = take_word(&rest);
    const nvse::PluginInfo* plugin = manager.find_plugin(argument.c_str());
    if (_stricmp(name.c_str(), "IsPluginInstalled") == 0) {
        *result = plugin == nullptr ? 0.0 : 1.0;
        return true;
    }
    if (_stricmp(name.c_str(), "GetPluginVersion") == 0) {
        *result = plugin == nullptr ? -1.0 : static_cast<double>(plugin->version);
        return true;
    }
    if (_stricmp(name.c_str(), "ReloadPluginConfig") == 0 && plugin != nullptr) {
        std::string text = plugin->name;
        manager.send(nvse::kMessageReloadConfig, text.data(), static_cast<std::uint32_t>(text.size() + 1),
                     plugin->name);
        return true;
    }
    return false;
}

/// A plugin's command prints its result itself. A line that cannot be compiled is not executed; the game says why.
bool run_plugin_command(const std::string& name, const std::string& arguments, double* result) {
    const nvse::CommandInfo* command = PluginManager::instance().commands().by_name(name.c_str());
    if (command == nullptr || command->execute == nullptr) {
        return false;
    }
    ScriptLine line = compile_line(*command, arguments);
    if (!line.problem.empty()) {
        console_print(line.problem.c_str());
        return false;
    }
    const ConsoleLineScope scope;
    std::uint32_t opcode_offset = ScriptLine::kArguments;
    return command->execute(command->params, line.data.data(), nullptr, nullptr, nullptr, nullptr, result,
                            &opcode_offset);
}

}  // namespace

void console_print(const char* text) {
    if (in_image(game::fn::kConsolePrint.va, 1) && in_image(game::fn::kConsole.va, 1)) {
        print_va("%s", text);
    }
}

bool run_console_line(const char* line, double* result, bool quiet) {
    std::string rest = line;
    const std::string name = take_word(&rest);
    double number = 0;
    const bool own = run_own_command(name, rest, &number);
    if (own && !quiet) {
        console_print(fmt::format("{} >> {:.2f}", name, number).c_str());
    }
    if (!own && !run_plugin_command(name, rest, &number)) {
        return false;
    }
    if (result != nullptr) {
        *result = number;
    }
    return true;
}

}  // namespace mp::host
