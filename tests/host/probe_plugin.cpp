// A plugin that does what <its own name>.ini [Plugin] says and appends what it sees to events.txt in the current
// directory, one line an event: "<name> <event>".
#include "game/addresses.h"
#include "game/nvse_abi.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <windows.h>

namespace {

using namespace mp;

HMODULE g_module = nullptr;
char g_name[64];
char g_ini[MAX_PATH];
const nvse::MessagingInterface* g_messaging = nullptr;
const nvse::ScriptInterface* g_scripts = nullptr;
nvse::ParamInfo g_params[] = {{"word", 0, 0}, {"whole", 1, 1}, {"number", 2, 1}};

void event(const char* format, ...) __attribute__((format(printf, 1, 2)));
void event(const char* format, ...) {
    char text[512];
    int length = std::snprintf(text, sizeof text, "%s ", g_name);
    va_list arguments;
    va_start(arguments, format);
    length += std::vsnprintf(text + length, sizeof text - static_cast<std::size_t>(length) - 2, format, arguments);
    va_end(arguments);
    text[length++] = '\n';
    const HANDLE file = CreateFileA("events.txt", FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                                    OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    DWORD written = 0;
    WriteFile(file, text, static_cast<DWORD>(length), &written, nullptr);
    CloseHandle(file);
}

/// A setting; the same buffer serves every call.
const char* setting(const char* key) {
    static char text[256];
    GetPrivateProfileStringA("Plugin", key, "", text, sizeof text, g_ini);
    return text;
}

bool setting_is(const char* key, const char* value) {
    return std::strcmp(setting(key), value) == 0;
}

[[gnu::noinline]] void fault() {
    asm volatile("movl $0, 0");
}

std::uint32_t game_context() {
    std::uintptr_t* blocks = nullptr;
    asm("movl %%fs:0x2C, %0" : "=r"(blocks));
    const std::uint32_t index = *reinterpret_cast<std::uint32_t*>(static_cast<std::uintptr_t>(game::data::kTlsIndex));
    return *reinterpret_cast<std::uint32_t*>(blocks[index] + game::kTlsContextOffset);
}

void on_message(nvse::Message* message) {
    event("message %s %u len %u", message->sender, message->type, message->data_length);
}

void on_message_again(nvse::Message* message) {
    event("second handler %u", message->type);
}

bool execute(nvse::ParamInfo*, void*, void*, void*, void*, void*, double* result, std::uint32_t*) {
    *result = 12.5;
    return true;
}

bool execute_with_arguments(nvse::ParamInfo* params, void* data, void*, void*, void* script, void* events,
                            double* result, std::uint32_t* offset) {
    char word[nvse::kStringArgumentSize] = "";
    int whole = -1;
    float number = -1;
    const std::uint32_t before = *offset;
    const bool done = g_scripts->extract_args(params, data, offset, script, events, word, &whole, &number);
    event("arguments %d [%s] %d %g moved %u", done, word, whole, static_cast<double>(number), *offset - before);
    *result = done ? 1 : 0;
    return true;
}

bool evaluate(void*, void*, void*, double* result) {
    *result = 3;
    return true;
}

void register_listener(const nvse::Interface* nvse) {
    char sender[64];
    std::snprintf(sender, sizeof sender, "%s", setting("Listen"));
    if (sender[0] == '\0') {
        return;
    }
    const nvse::PluginHandle handle = nvse->get_plugin_handle();
    const char* name = std::strcmp(sender, "*") == 0 ? nullptr : sender;
    bool accepted = g_messaging->register_listener(handle, name, &on_message);
    event("listen %s handle %u accepted %d", sender, handle, accepted);
    for (nvse::PluginHandle lower = handle - 1; !accepted && lower > 0 && setting_is("Retry", "1"); --lower) {
        accepted = g_messaging->register_listener(lower, name, &on_message);
        event("retry handle %u accepted %d", lower, accepted);
    }
    if (setting_is("Twice", "1")) {
        event("twice accepted %d", g_messaging->register_listener(handle, name, &on_message_again));
    }
}

void register_command(const nvse::Interface* nvse) {
    static nvse::CommandInfo info{};
    static char name[64];
    std::snprintf(name, sizeof name, "%s", setting("Command"));
    if (name[0] == '\0') {
        return;
    }
    const char* base = setting("OpcodeBase");
    if (base[0] != '\0') {
        nvse->set_opcode_base(static_cast<std::uint32_t>(std::strtoul(base, nullptr, 0)));
    }
    info.long_name = name;
    info.execute = &execute;
    info.eval = &evaluate;
    if (setting_is("Arguments", "1")) {
        info.params = g_params;
        info.param_count = static_cast<std::uint16_t>(std::size(g_params));
        info.execute = &execute_with_arguments;
    }
    nvse->register_typed_command(&info, static_cast<std::uint8_t>(std::atoi(setting("ReturnType"))));
    info.execute = nullptr;  // the extender must have copied it
    const auto* table =
        static_cast<const nvse::CommandTableInterface*>(nvse->query_interface(nvse::kInterfaceCommandTable));
    const nvse::CommandInfo* copy = table->by_name(name);
    event("command opcode %04X type %u", copy->opcode, table->return_type(copy));
}

/// Puts a jump over the function at an address of the game, as another memory plugin would.
void overwrite_function() {
    const std::uintptr_t address = std::strtoul(setting("Overwrite"), nullptr, 0);
    if (address == 0) {
        return;
    }
    constexpr std::size_t kJump = 5;
    auto* code = reinterpret_cast<std::uint8_t*>(address);
    const std::uintptr_t distance = reinterpret_cast<std::uintptr_t>(&fault) - (address + kJump);
    DWORD before = 0;
    VirtualProtect(code, kJump, PAGE_READWRITE, &before);
    code[0] = 0xE9;
    std::memcpy(code + 1, &distance, sizeof distance);
    VirtualProtect(code, kJump, before, &before);
    event("overwrote %08X", static_cast<unsigned>(address));
}

void report_interfaces(const nvse::Interface* nvse) {
    event("interfaces console %d messaging %d logging %d unknown %d",
          nvse->query_interface(nvse::kInterfaceConsole) != nullptr, g_messaging != nullptr,
          nvse->query_interface(nvse::kInterfaceLogging) != nullptr, nvse->query_interface(99) != nullptr);
}

}  // namespace

extern "C" {

int probe_filler() {
    return 0;
}

bool NVSEPlugin_Preload() {
    event("preload");
    return true;
}

bool NVSEPlugin_Query(const nvse::Interface* nvse, nvse::PluginInfo* info) {
    info->info_version = nvse::PluginInfo::kInfoVersion;
    info->name = setting_is("Query", "noname") ? nullptr : g_name;
    info->version = 57;
    event("query handle %u nvse %08X runtime %08X editor %08X isEditor %u context %u", nvse->get_plugin_handle(),
          nvse->nvse_version, nvse->runtime_version, nvse->editor_version, nvse->is_editor, game_context());
    if (setting_is("Query", "fault")) {
        fault();
    }
    return !setting_is("Query", "false");
}

bool NVSEPlugin_Load(const nvse::Interface* nvse) {
    g_messaging = static_cast<const nvse::MessagingInterface*>(nvse->query_interface(nvse::kInterfaceMessaging));
    g_scripts = static_cast<const nvse::ScriptInterface*>(nvse->query_interface(nvse::kInterfaceScript));
    event("load handle %u", nvse->get_plugin_handle());
    if (setting_is("Report", "interfaces")) {
        report_interfaces(nvse);
    }
    register_listener(nvse);
    register_command(nvse);
    overwrite_function();
    if (setting_is("Load", "fault")) {
        fault();
    }
    return !setting_is("Load", "false");
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID at_exit) {
    if (reason == DLL_PROCESS_ATTACH) {
        g_module = module;
        char path[MAX_PATH];
        GetModuleFileNameA(module, path, sizeof path);
        const char* file = std::strrchr(path, '\\') + 1;
        const int stem = static_cast<int>(std::strrchr(file, '.') - file);
        std::snprintf(g_name, sizeof g_name, "%.*s", stem, file);
        std::snprintf(g_ini, sizeof g_ini, "%.*s%s.ini", static_cast<int>(file - path), path, g_name);
    } else if (reason == DLL_PROCESS_DETACH) {
        event(at_exit == nullptr ? "unloaded" : "process end");
    }
    return TRUE;
}

}  // extern "C"
