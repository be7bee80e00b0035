#include "host/nvse/console.h"

#include "game/addresses.h"
#include "game/call.h"
#include "host/common/image.h"
#include "host/nvse/game_context.h"
#include "host/nvse/plugin_manager.h"

#include <cstdarg>
#include <string>

namespace mp::host {
namespace {

/// The first word of `text` and what follows it; quotes keep a word together and are dropped.
std::string take_word(std::string* text) {
    const std::size_t start = text->find_first_not_of(' ');
    if (start == std::string::npos) {
        text->clear();
        return {};
    }
    const bool quoted = (*text)[start] == '"';
    const std::size_t first = start + (quoted ? 1 : 0);
    const std::size_t last = text->find(quoted ? '"' : ' ', first);
    const std::string word = text->substr(first, last == std::string::npos ? last : last - first);
    *text = last == std::string::npos ? std::string() : text->substr(last + 1);
    return word;
}

void print_va(const char* format, ...) {
    void* manager = game::call_cdecl<void*>(game::code::kConsoleInstance, true);
    va_list arguments;
    va_start(arguments, format);
    game::call_this<void>(game::code::kConsolePrint, manager, format, arguments);
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

/// A plugin's command prints its result itself.
bool run_plugin_command(const std::string& name, double* result) {
    const nvse::CommandInfo* command = PluginManager::instance().commands().by_name(name.c_str());
    if (command == nullptr || command->execute == nullptr) {
        return false;
    }
    const ConsoleLineScope line;
    std::uint32_t opcode_offset = 0;
    return command->execute(command->params, nullptr, nullptr, nullptr, nullptr, nullptr, result, &opcode_offset);
}

}  // namespace

void console_print(const char* text) {
    if (in_image(game::code::kConsolePrint, 1) && in_image(game::code::kConsoleInstance, 1)) {
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
    if (!own && !run_plugin_command(name, &number)) {
        return false;
    }
    if (result != nullptr) {
        *result = number;
    }
    return true;
}

}  // namespace mp::host
