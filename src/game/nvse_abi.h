// Binary interface between xNVSE and its plugins, byte exact (docs/compatibility.md). Used by the plugin and by the
// stand-in's extender host. Pointers are native: the structures have their true size in a 32-bit process, where the
// assertions below hold.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/compiler.h"

namespace mp::nvse {

using PluginHandle = std::uint32_t;

/// Packs a version the way xNVSE does: 6.4.5 -> 0x06040050.
constexpr std::uint32_t pack_version(std::uint32_t major, std::uint32_t minor, std::uint32_t build,
                                     std::uint32_t sub = 0) {
    return ((major & 0xFF) << 24) | ((minor & 0xFF) << 16) | ((build & 0xFFF) << 4) | (sub & 0xF);
}

inline constexpr std::uint32_t kPreloadSince = pack_version(6, 3, 6);   ///< Preload exists
inline constexpr std::uint32_t kPreloadAlways = pack_version(6, 4, 5);  ///< Preload runs on every kind of exe
inline constexpr std::uint32_t kTakesReportedHandle = kPreloadAlways;   ///< RegisterListener takes it even if too high
inline constexpr std::uint32_t kOldestSupported = pack_version(6, 3, 0);
inline constexpr std::uint32_t kDevelopmentOpcodeBase = 0x2000;

struct PluginInfo {
    static constexpr std::uint32_t kInfoVersion = 1;
    std::uint32_t info_version;
    const char* name;
    std::uint32_t version;
};

struct ParamInfo {
    static constexpr std::uint32_t kString = 0;
    const char* name;
    std::uint32_t type;
    std::uint32_t optional;
};

/// Room that a string argument takes at most, its end included.
inline constexpr std::size_t kStringArgumentSize = 0x200;

using ExecuteFn = bool (*)(ParamInfo*, void* script_data, void* this_ref, void* containing_ref, void* script,
                           void* event_list, double* result, std::uint32_t* opcode_offset);
using ParseFn = bool (*)(std::uint32_t param_count, ParamInfo*, void* line_buffer, void* script_buffer);
using EvalFn = bool (*)(void* this_ref, void* arg1, void* arg2, double* result);

struct CommandInfo {
    static constexpr std::uint32_t kUsableAsCondition = 1;
    const char* long_name;
    const char* short_name;
    std::uint32_t opcode;
    const char* help;
    std::uint16_t needs_parent;
    std::uint16_t param_count;
    ParamInfo* params;
    ExecuteFn execute;
    ParseFn parse;
    EvalFn eval;
    std::uint32_t flags;
};

struct Interface {
    std::uint32_t nvse_version;
    std::uint32_t runtime_version;
    std::uint32_t editor_version;
    std::uint32_t is_editor;
    bool (*register_command)(CommandInfo*);
    void (*set_opcode_base)(std::uint32_t);
    void* (*query_interface)(std::uint32_t id);
    PluginHandle (*get_plugin_handle)();
    bool (*register_typed_command)(CommandInfo*, std::uint8_t return_type);
    const char* (*get_runtime_directory)();
    std::uint32_t is_nogore;
    void (*init_expression_evaluator)(void*);                                                    ///< since 6.1.3
    bool (*register_typed_command_version)(CommandInfo*, std::uint8_t, std::uint32_t required);  ///< since 6.3.6
};

enum InterfaceId : std::uint32_t {
    kInterfaceSerialization = 0,
    kInterfaceConsole = 1,
    kInterfaceMessaging = 2,
    kInterfaceCommandTable = 3,
    kInterfaceScript = 6,
    kInterfaceLogging = 9,  ///< since 6.3.0
};

struct ConsoleInterface {
    std::uint32_t version;
    bool (*run_script_line)(const char*, void* reference);
    bool (*run_script_line2)(const char*, void* calling_reference, bool suppress_output);
};

struct Message {
    const char* sender;
    std::uint32_t type;
    std::uint32_t data_length;
    void* data;
};

using MessageHandler = void (*)(Message*);

struct MessagingInterface {
    std::uint32_t version;
    bool (*register_listener)(PluginHandle listener, const char* sender, MessageHandler handler);
    bool (*dispatch)(PluginHandle sender, std::uint32_t type, void* data, std::uint32_t length, const char* receiver);
};

enum MessageType : std::uint32_t {
    kMessagePostLoad = 0,
    kMessageExitGame = 1,
    kMessageExitToMainMenu = 2,
    kMessageLoadGame = 3,
    kMessageSaveGame = 4,
    kMessagePreLoadGame = 6,
    kMessageExitGameConsole = 7,
    kMessagePostLoadGame = 8,
    kMessagePostPostLoad = 9,
    kMessageNewGame = 14,
    kMessageDeferredInit = 18,
    kMessageMainGameLoop = 20,
    kMessagePostQueryPlugins = 23,
    kMessageFramePresent = 24,
    kMessageReloadConfig = 25,
};

struct CommandTableInterface {
    std::uint32_t version;
    const CommandInfo* (*start)();
    const CommandInfo* (*end)();
    const CommandInfo* (*by_opcode)(std::uint32_t opcode);
    const CommandInfo* (*by_name)(const char* name);
    std::uint32_t (*return_type)(const CommandInfo*);
    std::uint32_t (*required_nvse_version)(const CommandInfo*);
    const PluginInfo* (*parent_plugin)(const CommandInfo*);
    const PluginInfo* (*plugin_by_name)(const char* name);
    const PluginInfo* (*plugin_by_dll)(const char* dll_name);
};

/// Without a version: its first function is at +0. We use one of them.
struct ScriptInterface {
    void* call_function = nullptr;
    void* get_function_params = nullptr;
    /// The arguments of a command, as its `execute` got them; then one place for each parameter, a
    /// char[kStringArgumentSize] for a string. Places of optional arguments that are not given stay as they are.
    bool (*extract_args)(ParamInfo*, void* script_data, std::uint32_t* opcode_offset, void* script, void* event_list,
                         ...) = nullptr;
    void* extract_format_string_args = nullptr;
    void* call_function_alt = nullptr;
    void* compile_script = nullptr;
    void* compile_expression = nullptr;
    void* decompile_to_buffer = nullptr;
};

struct LoggingInterface {
#if defined(_M_IX86) || defined(__i386__)
    const char*(MP_FASTCALL* get_plugin_log_path)();
#else
    const char* (*get_plugin_log_path)();
#endif
};

#if defined(_M_IX86) || defined(__i386__)
static_assert(sizeof(PluginInfo) == 0x0C && sizeof(ParamInfo) == 0x0C && sizeof(CommandInfo) == 0x28);
static_assert(offsetof(CommandInfo, needs_parent) == 0x10 && offsetof(CommandInfo, param_count) == 0x12);
static_assert(offsetof(CommandInfo, params) == 0x14 && offsetof(CommandInfo, execute) == 0x18);
static_assert(offsetof(CommandInfo, parse) == 0x1C && offsetof(CommandInfo, eval) == 0x20);
static_assert(offsetof(CommandInfo, flags) == 0x24);
static_assert(sizeof(Interface) == 0x34 && offsetof(Interface, register_command) == 0x10);
static_assert(offsetof(Interface, query_interface) == 0x18 && offsetof(Interface, get_plugin_handle) == 0x1C);
static_assert(offsetof(Interface, get_runtime_directory) == 0x24 && offsetof(Interface, is_nogore) == 0x28);
static_assert(offsetof(Interface, init_expression_evaluator) == 0x2C);
static_assert(offsetof(Interface, register_typed_command_version) == 0x30);
static_assert(sizeof(ConsoleInterface) == 0x0C && sizeof(MessagingInterface) == 0x0C && sizeof(Message) == 0x10);
static_assert(sizeof(CommandTableInterface) == 0x28 && sizeof(LoggingInterface) == 4);
static_assert(sizeof(ScriptInterface) == 0x20 && offsetof(ScriptInterface, extract_args) == 8);
static_assert(sizeof(bool) == 1);
#endif

}  // namespace mp::nvse
