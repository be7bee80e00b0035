// What the plugin tells xNVSE, with an extender of the tests' own: refusals, commands, listeners.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "alloc/mp_alloc.h"
#include "engine_access.h"
#include "game/functions.h"
#include "os/executable.h"
#include "os/os.h"
#include "os/process.h"
#include "os/thread_block.h"
#include "patch/text.h"
#include "plugin/activation.h"
#include "plugin/commands.h"
#include "plugin/console.h"
#include "plugin/extender.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/settings.h"
#include "plugin/version.h"
#include "replace/install.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"
#include "replace/thread_state.h"
#include "session/reader.h"
#include "startup/console.h"

namespace mp::test {
namespace {

constexpr nvse::PluginHandle kOwnHandle = 3;
constexpr nvse::PluginHandle kReportedHandle = 5;  // too high by two, as after two failed Loads
constexpr nvse::PluginHandle kNobody = ~nvse::PluginHandle{0};

struct Listener {
    nvse::PluginHandle sender;
    nvse::PluginHandle listener;
    nvse::MessageHandler handler;
};

/// What the plugin asked of the extender.
struct Recorded {
    std::uint32_t opcode_base = 0;
    std::vector<nvse::CommandInfo> commands;
    nvse::MessageHandler handler = nullptr;
    nvse::PluginHandle accepted = 0;  ///< the first one, for messages of "NVSE"
    std::vector<Listener> listeners;
    bool loading = true;
    bool takes_reported = false;  ///< as xNVSE 6.4.5 and newer
};
Recorded g_recorded;

bool register_command(nvse::CommandInfo* info) {
    g_recorded.commands.push_back(*info);
    return true;
}
void set_opcode_base(std::uint32_t base) {
    g_recorded.opcode_base = base;
}
nvse::PluginHandle handle_of(const std::string& name) {
    if (name == "NVSE") {
        return 0;
    }
    return name == "MemoryPoolNVSE" && !g_recorded.loading ? kOwnHandle : kNobody;
}
bool register_listener(nvse::PluginHandle listener, const char* sender_name, nvse::MessageHandler handler) {
    const bool reported = g_recorded.takes_reported && g_recorded.loading && listener == kReportedHandle;
    const nvse::PluginHandle sender = handle_of(sender_name);
    if ((listener > kOwnHandle && !reported) || sender == kNobody) {
        return false;
    }
    if (sender == 0 && g_recorded.accepted == 0) {
        g_recorded.accepted = listener;
        g_recorded.handler = handler;
    }
    const auto same = [&](const Listener& l) { return l.sender == sender && l.listener == listener; };
    if (std::ranges::none_of(g_recorded.listeners, same)) {
        g_recorded.listeners.push_back({sender, listener, handler});
    }
    return true;
}
bool dispatch(nvse::PluginHandle sender, std::uint32_t type, void* data, std::uint32_t length, const char* receiver) {
    const nvse::PluginHandle target = receiver == nullptr ? kNobody : handle_of(receiver);
    if (receiver != nullptr && target == kNobody) {
        return false;
    }
    bool delivered = false;
    for (const Listener& known : std::vector(g_recorded.listeners)) {
        if (known.sender == sender && (receiver == nullptr || known.listener == target)) {
            nvse::Message message{"NVSE", type, length, data};
            known.handler(&message);
            delivered = true;
        }
    }
    return delivered;
}
nvse::MessagingInterface g_messaging{4, &register_listener, &dispatch};

/// The script data of these tests: a list of words.
using Words = std::vector<std::string>;

bool extract_args(nvse::ParamInfo* params, void* data, std::uint32_t* /*offset*/, void* /*script*/, void* events, ...) {
    std::va_list places;
    va_start(places, events);
    const auto& words = *static_cast<const Words*>(data);
    for (std::size_t i = 0; i < words.size(); ++i) {
        EXPECT_EQ(params[i].type, nvse::ParamInfo::kString);
        std::strcpy(va_arg(places, char*), words[i].c_str());
    }
    va_end(places);
    return true;
}
nvse::ScriptInterface g_scripts{.extract_args = &extract_args};

void* query_interface(std::uint32_t id) {
    switch (id) {
    case nvse::kInterfaceMessaging:
        return &g_messaging;
    case nvse::kInterfaceScript:
        return &g_scripts;
    default:
        return nullptr;
    }
}
nvse::PluginHandle get_plugin_handle() {
    return kReportedHandle;
}

nvse::Interface extender_of(std::uint32_t version) {
    nvse::Interface extender{};
    extender.nvse_version = version;
    extender.runtime_version = game::kGameVersion;
    extender.register_command = &register_command;
    extender.set_opcode_base = &set_opcode_base;
    extender.query_interface = &query_interface;
    extender.get_plugin_handle = &get_plugin_handle;
    return extender;
}

/// Without the times.
std::string log_text() {
    std::ifstream file(plugin::log::path());
    std::string text;
    for (std::string line; std::getline(file, line);) {
        const std::size_t time = std::strlen("0:00:00.000 ");
        const bool has_time = line.size() >= time && line[1] == ':' && line[4] == ':' && line[7] == '.';
        text += line.substr(has_time ? time : 0) + "\n";
    }
    return text;
}

/// What the console was told since it was last cleared, put together again where a text goes on in a further line.
/// Every line that any test looks at fits the console.
std::vector<std::string> told() {
    std::vector<std::string> texts;
    for (const std::string& line : standin::console_lines()) {
        EXPECT_LE(line.size(), plugin::console::kWidth) << line;
        if (line.starts_with("  ") && !texts.empty()) {
            texts.back() += line.substr(1);
        } else {
            texts.push_back(line);
        }
    }
    return texts;
}

std::string told_text() {
    std::string text;
    for (const std::string& line : told()) {
        text += line + "\n";
    }
    return text;
}

/// A path may be longer than a line.
std::string without_blanks(std::string text) {
    std::erase(text, ' ');
    return text;
}

std::size_t times_in_log(const std::string& part) {
    const std::string text = log_text();
    std::size_t times = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++times;
    }
    return times;
}

bool query(const nvse::Interface& extender, nvse::PluginInfo* info) {
    return plugin::on_query(&extender, info);
}

TEST(Extender, QueryFillsThePluginInfo) {
    nvse::PluginInfo info{};
    EXPECT_TRUE(query(extender_of(nvse::pack_version(6, 4, 8)), &info));
    EXPECT_EQ(info.info_version, 1U);
    EXPECT_STREQ(info.name, "MemoryPoolNVSE");
    EXPECT_EQ(info.version, static_cast<std::uint32_t>(MP_VERSION_NUMBER));
}

TEST(Extender, AnOlderExtenderIsRefusedWithAClearLine) {
    nvse::PluginInfo info{};
    EXPECT_FALSE(query(extender_of(nvse::pack_version(6, 2, 9)), &info));
    EXPECT_NE(log_text().find("xNVSE 6.2.9 is too old; install 6.3.0 or newer"), std::string::npos) << log_text();
}

TEST(Extender, TheEditorGetsTheCommandsAndNothingElse) {
    g_recorded = {};
    nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    extender.is_editor = 1;
    extender.runtime_version = 0;
    nvse::PluginInfo info{};
    const std::string log_before = plugin::log::path();
    EXPECT_TRUE(plugin::on_query(&extender, &info));
    EXPECT_EQ(info.version, std::uint32_t{MP_VERSION_NUMBER});
    ASSERT_TRUE(plugin::on_load(&extender));
    EXPECT_EQ(g_recorded.commands.size(), plugin::kCommandCount);
    EXPECT_EQ(g_recorded.handler, nullptr);
    EXPECT_EQ(replace::installed_sites(), 0U);
    EXPECT_EQ(plugin::log::path(), log_before) << "the game's log stays";
}

TEST(Extender, AnotherRuntimeIsRefusedWithAClearLine) {
    nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    extender.runtime_version = nvse::pack_version(4, 0, 525, 1);
    nvse::PluginInfo info{};
    EXPECT_FALSE(query(extender, &info));
    EXPECT_NE(log_text().find("game runtime 0x040020D1"), std::string::npos);
}

TEST(Extender, LoadWithoutPreloadActivatesAndRegistersCommandsThatAnswer) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 3, 0));
    ASSERT_TRUE(plugin::on_load(&extender));
    EXPECT_EQ(plugin::activation().state, plugin::ActivationState::active);
    EXPECT_EQ(g_recorded.opcode_base, nvse::kDevelopmentOpcodeBase);
    ASSERT_EQ(g_recorded.commands.size(), plugin::kCommandCount);
    const char* const expected[] = {"GetTotalAllocations",  "GetTotalFrees",     "GetSavedSyscalls", "GetPatchCount",
                                    "IsMemorySystemActive", "GetFrontDoorCount", "MemoryPoolReport", "MemoryPoolSet",
                                    "MemoryPoolFacts",      "MemoryPoolCheck"};
    static_assert(std::size(expected) == plugin::kCommandCount);
    void* block = heap_allocate(1000);
    for (std::size_t i = 0; i < plugin::kCommandCount; ++i) {
        const nvse::CommandInfo& command = g_recorded.commands[i];
        EXPECT_STREQ(command.long_name, expected[i]);
        double executed = -1;
        double evaluated = -2;
        EXPECT_TRUE(command.execute(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, &executed, nullptr));
        EXPECT_EQ(executed, plugin::command_value(i));
        if (command.param_count == 0 && command.long_name != std::string_view("MemoryPoolFacts") &&
            command.long_name != std::string_view("MemoryPoolCheck")) {
            EXPECT_TRUE(command.eval(nullptr, nullptr, nullptr, &evaluated));
            EXPECT_EQ(executed, evaluated) << command.long_name;
            EXPECT_EQ(command.flags, nvse::CommandInfo::kUsableAsCondition);
        } else {
            EXPECT_EQ(command.eval, nullptr)
                << "conditions have no texts as arguments, write no file and do not look at every block";
            EXPECT_EQ(command.flags, 0U);
        }
    }
    EXPECT_GE(plugin::command_value(0), 1.0);
    EXPECT_EQ(plugin::command_value(0) - plugin::command_value(1), 1.0) << "one block is live";
    EXPECT_EQ(plugin::command_value(3), 17.0);
    EXPECT_EQ(plugin::command_value(4), 1.0);
    EXPECT_EQ(plugin::command_value(5), 21.0) << "every door: five, ten, five and the getter";
    heap_free(block);

    // The handle that was reported is too high; the listener ends up on the highest one that is accepted.
    EXPECT_EQ(g_recorded.accepted, 3U);
    nvse::Message message{"NVSE", nvse::kMessageDeferredInit, 0, nullptr};
    g_recorded.handler(&message);
    EXPECT_NE(log_text().find("main loop reached; patch count 17 of 17"), std::string::npos);

    // Once hooks are in place nothing may make xNVSE unload us.
    nvse::PluginInfo info{};
    EXPECT_TRUE(query(extender_of(nvse::pack_version(6, 2, 9)), &info));

    EXPECT_TRUE(replace::restore_at_process_end().complete());
    EXPECT_EQ(plugin::command_value(3), 0.0);
    EXPECT_EQ(plugin::command_value(4), 0.0);
}

TEST(Extender, TheLogNamesVersionSettingsAndEveryGroup) {
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    const std::string text = log_text();
    EXPECT_EQ(text.rfind("MemoryPoolNVSE " MP_VERSION_TEXT, 0), 0U) << "first line";
    for (const char* part :
         {"activation: Load", "settings: ", "[Main] sMode = full", "FalloutNV.exe 1.4.0.525", "media samples: replaced",
          "scrap buffers: replaced", "pool memory: replaced", "heap backing: replaced", "heap tail: replaced",
          "heap interior: replaced", "heap blocks: replaced", "CRT small blocks: replaced", "game heap: replaced",
          "CRT heap: replaced", "scrap heaps: replaced", "thread scrap heap: replaced",
          "patch count 17 of 17, front doors 21 of 21", "xNVSE 6.4.8"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
}

// --- commands with arguments ---------------------------------------------------------------------------------------

/// Marks for its life that the console executes a line, and catches what is printed.
class InConsole {
public:
    InConsole() {
        standin::clear_console();
        mark(1);
    }
    ~InConsole() { mark(0); }
    InConsole(const InConsole&) = delete;
    InConsole& operator=(const InConsole&) = delete;

private:
    static void mark(std::uint8_t value) {
        *game::at<std::uint8_t>(game::data::kConsoleActive) = value;
        os::thread_block(*game::at<std::uint32_t>(game::data::kTlsIndex))[game::kTlsConsoleOffset] = value;
    }
};

struct Answer {
    double number = -1;
    std::string console;
};

/// Runs a command as the console does.
Answer type(const std::string& name, Words arguments) {
    Answer answer;
    for (const nvse::CommandInfo& command : g_recorded.commands) {
        if (name == command.long_name || name == command.short_name) {
            const InConsole console;
            std::uint32_t offset = 0;
            EXPECT_TRUE(command.execute(command.params, &arguments, nullptr, nullptr, nullptr, nullptr, &answer.number,
                                        &offset));
            answer.console = told_text();
        }
    }
    return answer;
}

class Commands : public ::testing::Test {
protected:
    void SetUp() override {
        g_recorded = {};
        const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
        ASSERT_TRUE(plugin::on_load(&extender));
    }
    void TearDown() override { std::remove(ini().c_str()); }

    static std::string ini() {
        char path[plugin::kLongestSettingsPath];
        static_cast<void>(plugin::read_settings_file(path));
        return path;
    }
    static std::string value_of(const char* key) {
        return plugin::find_setting(key)->text(plugin::activation().settings).text;
    }
    /// Writes the file and has it read again; the console's words.
    static std::string reload(const std::string& text) {
        std::ofstream(ini()) << text;
        standin::clear_console();
        char name[] = "MemoryPoolNVSE";
        nvse::Message message{"NVSE", nvse::kMessageReloadConfig, sizeof name, name};
        g_recorded.handler(&message);
        return told_text();
    }
};

/// The row that the document should have, up to what the value means.
std::string row_of(const nvse::CommandInfo& command) {
    std::string arguments;
    for (std::size_t i = 0; i < command.param_count; ++i) {
        arguments += std::string(i == 0 ? "" : ", ") + "`" + command.params[i].name + "`" +
                     (command.params[i].optional != 0 ? " (optional)" : "");
    }
    const std::string alias = command.short_name[0] != '\0' ? "`" + std::string(command.short_name) + "`" : "–";
    const bool condition = (command.flags & nvse::CommandInfo::kUsableAsCondition) != 0;
    return "| `" + std::string(command.long_name) + "` | " + alias + " | " + (arguments.empty() ? "–" : arguments) +
           " | " + (condition ? "yes" : "no") + " | ";
}

TEST_F(Commands, TheDocumentHasARowForEachInTheirOrderAndForNoOther) {
    std::ifstream file(MP_COMMANDS_DOCUMENT);
    std::vector<std::string> rows;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| `") && std::ranges::count(line, '|') == 6) {
            rows.push_back(line);
        }
    }
    ASSERT_EQ(rows.size(), g_recorded.commands.size()) << MP_COMMANDS_DOCUMENT;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::string expected = row_of(g_recorded.commands[i]);
        EXPECT_TRUE(rows[i].starts_with(expected)) << rows[i] << "\n" << expected;
    }
}

TEST_F(Commands, TheDocumentNamesEachKeyWhereItSaysWhenAChangeTakesEffect) {
    std::ifstream file(MP_COMMANDS_DOCUMENT);
    std::string rows;
    for (std::string line; std::getline(file, line);) {
        rows += line.starts_with("| ") ? line + "\n" : "";
    }
    for (const plugin::SettingEntry& entry : plugin::setting_entries()) {
        const std::size_t key = rows.find("`" + std::string(entry.key) + "`");
        ASSERT_NE(key, std::string::npos) << entry.key;
        const std::string row = rows.substr(rows.rfind('\n', key) + 1);
        EXPECT_TRUE(row.starts_with("| " + std::string(plugin::change_text(entry.change)) + " |")) << row;
    }
}

TEST_F(Commands, SetWithoutArgumentsListsEveryKeyWithItsValueAndWhenAChangeTakesEffect) {
    const Answer answer = type("mpset", {});
    EXPECT_EQ(answer.number, 0);
    for (const plugin::SettingEntry& entry : plugin::setting_entries()) {
        const std::string line = std::string(entry.key) + " = " + value_of(entry.key) + " (" + entry.values +
                                 "); a change takes effect " + plugin::change_text(entry.change) + "\n";
        EXPECT_NE(answer.console.find(line), std::string::npos) << line << answer.console;
    }
}

TEST_F(Commands, SetOfAKeyWithoutAValueAnswersTheValueInUseAndChangesNothing) {
    for (const plugin::SettingEntry& entry : plugin::setting_entries()) {
        const std::string value = value_of(entry.key);
        const Answer answer = type("mpset", {entry.key});
        EXPECT_EQ(answer.number, std::atof(value.c_str())) << "0 for a word";
        EXPECT_NE(answer.console.find(std::string(entry.key) + " = " + value + " ("), std::string::npos)
            << answer.console;
        EXPECT_EQ(value_of(entry.key), value);
    }
    ASSERT_EQ(type("mpset", {"iQuarantineKB", "2048"}).number, 1);
    const Answer answer = type("mpset", {"iquarantinekb"});
    EXPECT_EQ(answer.number, 2048);
    EXPECT_NE(answer.console.find("MemoryPoolSet >> 2,048\n"), std::string::npos) << answer.console;
    EXPECT_NE(type("mpset", {"iBudget"}).console.find("iBudget is no setting"), std::string::npos);
}

TEST_F(Commands, SetChangesWhatCanChangeAtOnceAndSaysSo) {
    const Answer answer = type("MemoryPoolSet", {"iquarantineKB", "0512"});
    EXPECT_EQ(answer.number, 1);
    EXPECT_NE(answer.console.find("[Memory] iQuarantineKB: 512, was 1024"), std::string::npos) << answer.console;
    EXPECT_EQ(value_of("iQuarantineKB"), "512");
    EXPECT_EQ(replace::quarantine_kilobytes(), 512U);
    EXPECT_NE(log_text().find("[Memory] iQuarantineKB: 512, was 1024"), std::string::npos);
    EXPECT_EQ(type("MemoryPoolSet", {"iQuarantineKB", "512"}).number, 1) << "it is in effect already";
    for (const char* key : {"bRestoreAtExit", "bPageAtExit"}) {
        EXPECT_EQ(type("MemoryPoolSet", {key, "0"}).number, 1);
        EXPECT_EQ(value_of(key), "0");
        EXPECT_EQ(type("MemoryPoolSet", {key, "1"}).number, 1);
        EXPECT_EQ(value_of(key), "1");
    }
}

TEST_F(Commands, AQuarantineThatIsMadeLongerOrShorterWhileBlocksWaitKeepsEveryBlockWhole) {
    set_memory_context(game::kDefaultContext);
    for (const char* length : {"0", "4096", "1", "64", "0", "256"}) {
        ASSERT_EQ(type("MemoryPoolSet", {"iQuarantineKB", length}).number, 1);
        std::vector<void*> blocks;
        for (std::uint32_t i = 0; i < 5000; ++i) {
            blocks.push_back(heap_allocate(64));
            fill(blocks.back(), 64, i);
            heap_free(heap_allocate(64));
        }
        for (std::uint32_t i = 0; i < blocks.size(); ++i) {
            EXPECT_TRUE(intact(blocks[i], 64, i)) << length;
            heap_free(blocks[i]);
        }
    }
}

TEST_F(Commands, SetOfAKeyThatNeedsARestartNamesItAndChangesNothing) {
    const Answer answer = type("MemoryPoolSet", {"sMode", "off"});
    EXPECT_EQ(answer.number, 0);
    EXPECT_NE(answer.console.find("[Main] sMode: off needs a restart of the game"), std::string::npos)
        << answer.console;
    EXPECT_EQ(value_of("sMode"), "full");
}

TEST_F(Commands, SetOfAWrongValueOrKeySaysWhatWouldBeRight) {
    const Answer value = type("MemoryPoolSet", {"iQuarantineKB", "many"});
    EXPECT_EQ(value.number, 0);
    EXPECT_NE(value.console.find("\"many\" is none of: 0 to 16384; 1024 stays"), std::string::npos) << value.console;
    const Answer key = type("MemoryPoolSet", {"iBudget", "1"});
    EXPECT_EQ(key.number, 0);
    EXPECT_NE(key.console.find("iBudget is no setting"), std::string::npos) << key.console;
    EXPECT_EQ(value_of("iQuarantineKB"), "1024");
}

TEST_F(Commands, SetStopsTheRecordingAndDoesNotStartItAgain) {
    ASSERT_TRUE(plugin::recorder::is_recording());
    EXPECT_EQ(type("MemoryPoolSet", {"bRecordSession", "0"}).number, 1);
    EXPECT_FALSE(plugin::recorder::is_recording());
    const Answer again = type("MemoryPoolSet", {"bRecordSession", "1"});
    EXPECT_EQ(again.number, 0);
    EXPECT_NE(again.console.find("bRecordSession: 1 needs a restart"), std::string::npos) << again.console;
    EXPECT_NE(type("mpreport", {}).console.find("no session is being recorded"), std::string::npos);
}

TEST_F(Commands, ReportSaysInFewLinesHowTheSessionGoes) {
    for (int i = 0; i < 1000; ++i) {
        heap_free(heap_allocate(64));
    }
    const Answer answer = type("mpreport", {});
    EXPECT_EQ(answer.number, 1);
    for (const char* part : {": all is well; full mode, 17 of 17 patches, 21 of 21 front doors\n",
                             " allocations a second since the start (", "plugin: ", " MB in blocks of ",
                             "kernel calls saved: about ", "largest hole in the address space: ",
                             "MemoryPoolNVSE.html, written when the game ends", "MemoryPoolReport >> 1\n"}) {
        EXPECT_NE(answer.console.find(part), std::string::npos) << part << "\n" << answer.console;
    }
    EXPECT_LE(std::ranges::count(answer.console, '\n'), 6);
    EXPECT_NE(type("mpreport", {}).console.find("since the last report ("), std::string::npos);
    EXPECT_NE(type("mpreport", {"all"}).console.find("\"all\" is no argument of MemoryPoolReport"), std::string::npos);
}

/// Path of the facts text: beside the log.
std::string facts_path() {
    const std::string log = plugin::log::path();
    return log.substr(0, log.size() - std::strlen(".log")) + "-facts.txt";
}

TEST_F(Commands, FactsAreThoseOfTheUnpatchedFunctionsAndTheConsoleSaysWhereTheyAre) {
    ASSERT_NE(replace::installed_sites(), 0U);
    std::filesystem::remove(facts_path());
    const Answer answer = type("mpfacts", {});
    EXPECT_EQ(answer.number, 1);
    EXPECT_NE(without_blanks(answer.console).find("writtento" + without_blanks(facts_path())), std::string::npos)
        << answer.console;
    std::ifstream file(facts_path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text.rfind("MemoryPoolNVSE facts 1\nprogram 1.4.0.525\nsha256 not known, the running program\n", 0), 0U);
    for (const patch::Hook& hook : replace::hooks().all()) {
        if (hook.site == nullptr) {
            continue;
        }
        char line[256];
        patch::Text expected(line, sizeof line);
        expected.add("function ").add_address(hook.va()).add(" ").add(patch::name_of(hook.va())).add("\n  bytes ");
        expected.add_bytes(hook.former.data(), nullptr, hook.size);
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
    EXPECT_EQ(text.find("  leaves "), std::string::npos) << "a jump of ours is shown";
    EXPECT_EQ(text.find("  table disagrees"), std::string::npos) << text;
    EXPECT_EQ(text.find('\\'), std::string::npos) << "a path";
}

TEST_F(Commands, FactsThatCannotBeWrittenAreSaidNotToBe) {
    std::filesystem::remove(facts_path());
    std::filesystem::create_directory(facts_path());
    const Answer answer = type("MemoryPoolFacts", {});
    std::filesystem::remove(facts_path());
    EXPECT_EQ(answer.number, 0);
    EXPECT_NE(without_blanks(answer.console).find(without_blanks(facts_path()) + "cannotbewritten("), std::string::npos)
        << answer.console;
}

TEST_F(Commands, NobodyInTheConsoleMeansNoFactsFile) {
    std::filesystem::remove(facts_path());
    EXPECT_EQ(plugin::command_value(8), 0.0);
    EXPECT_FALSE(std::filesystem::exists(facts_path()));
}

TEST_F(Commands, ReportFullWritesThePageNowAndSaysWhere) {
    const std::string page = plugin::recorder::page_path();
    std::remove(page.c_str());
    const Answer answer = type("mpreport", {"FULL"});
    EXPECT_NE(without_blanks(answer.console).find("beingwrittento" + without_blanks(page)), std::string::npos)
        << answer.console;
    while (!std::filesystem::exists(page)) {  // by the recorder's thread; the test's own time limit ends a wait in vain
        Sleep(10);
    }
}

TEST_F(Commands, ReloadPutsIntoEffectWhatCanChangeAndNamesTheRest) {
    const std::string words = reload("[Main]\nsMode = off\n[Memory]\niQuarantineKB = 8\n[Report]\nbPageAtExit = 0\n");
    EXPECT_EQ(value_of("iQuarantineKB"), "8");
    EXPECT_EQ(replace::quarantine_kilobytes(), 8U);
    EXPECT_EQ(value_of("bPageAtExit"), "0");
    EXPECT_EQ(value_of("sMode"), "full");
    EXPECT_NE(words.find("[Main] sMode: off needs a restart"), std::string::npos) << words;
    EXPECT_NE(words.find("settings: 2 changed, 1 need a restart, 0 lines of the file not used"), std::string::npos)
        << words;
    EXPECT_NE(log_text().find("[Memory] iQuarantineKB: 8, was 1024"), std::string::npos);
}

TEST_F(Commands, ReloadNamesEachProblemOnceWithItsLineAndWhatIsUsedInstead) {
    const std::string words = reload("[Main]\nsMode = turbo\niBudget = 9\n");
    const std::string problem =
        "MemoryPoolNVSE.ini(2): [Main] sMode = turbo is none of: full, boundary, scrap, off; using full";
    for (const std::string& text : {words, log_text()}) {
        EXPECT_NE(text.find(problem), std::string::npos) << text;
        EXPECT_EQ(text.find(problem), text.rfind(problem)) << text;
        EXPECT_NE(text.find("MemoryPoolNVSE.ini(3): unknown key [Main] iBudget"), std::string::npos) << text;
    }
    EXPECT_NE(words.find("settings: 0 changed, 0 need a restart, 2 lines of the file not used"), std::string::npos);
}

TEST_F(Commands, ReloadOfAMissingFileGoesBackToTheDefaults) {
    ASSERT_EQ(type("MemoryPoolSet", {"iQuarantineKB", "7"}).number, 1);
    std::remove(ini().c_str());
    nvse::Message message{"NVSE", nvse::kMessageReloadConfig, 0, nullptr};
    g_recorded.handler(&message);
    EXPECT_EQ(value_of("iQuarantineKB"), "1024");
    EXPECT_NE(log_text().find("(not found: defaults)"), std::string::npos);
}

// --- what other threads see ----------------------------------------------------------------------------------------

std::atomic<std::uint32_t> g_now_ms{1000};

void show_frame(std::int32_t kind) {
    nvse::Message message{"NVSE", nvse::kMessageFramePresent, sizeof kind, &kind};
    g_recorded.handler(&message);
}

void show_loading_screen() {
    show_frame(1);
    show_frame(0);
    nvse::Message message{"NVSE", nvse::kMessagePostLoadGame, 1, nullptr};
    g_recorded.handler(&message);
}

bool is_readable(const void* block, std::size_t size) {
    os::RegionInfo region;
    const auto* at = static_cast<const std::uint8_t*>(block);
    for (const std::uint8_t* const end = at + size; at < end; at = game::at<std::uint8_t>(region.base + region.size)) {
        if (!os::query(at, &region) || !region.readable) {
            return false;
        }
    }
    return true;
}

/// All but the second four bytes.
bool stale_read_is_intact(const void* block, std::size_t size, std::uint32_t seed) {
    std::vector<std::uint8_t> bytes(static_cast<const std::uint8_t*>(block),
                                    static_cast<const std::uint8_t*>(block) + size);
    std::vector<std::uint8_t> before(size);
    fill(before.data(), size, seed);
    std::copy_n(before.begin() + 4, 4, bytes.begin() + 4);
    return bytes == before;
}

TEST_F(Commands, WhatWasFreedBeforeALoadingScreenCanBeReadAfterIt) {
    mp_set_clock([] { return g_now_ms.load(); });
    set_memory_context(game::kDefaultContext);
    constexpr std::uint32_t kLarge = 1U << 20;
    constexpr std::uint32_t kSmall = 2048;
    std::vector<void*> large;
    std::vector<void*> small;
    for (std::uint32_t i = 0; i < 300; ++i) {  // more than is kept however long it is free
        large.push_back(allocate(kLarge));
        small.push_back(allocate(kSmall));
        fill(large.back(), kLarge, i);
        fill(small.back(), kSmall, i);
    }
    const auto unreadable = [&large] {
        return std::ranges::count_if(large, [](void* block) { return !is_readable(block, kLarge); });
    };
    std::ranges::for_each(large, &release);
    std::ranges::for_each(small, &release);
    const std::uint32_t delay = plugin::activation().settings.keep_freed_seconds * 1000;
    for (std::uint32_t waited = 0; waited < delay; waited += 1000, g_now_ms += 1000) {
        show_loading_screen();
        mp_give_back(delay);  // as the thread in the background does every second
        ASSERT_EQ(unreadable(), 0) << waited;
    }
    EXPECT_TRUE(stale_read_is_intact(large[0], kLarge, 0)) << "nobody has used it again";
    for (std::uint32_t i = 0; i < small.size(); ++i) {
        EXPECT_TRUE(stale_read_is_intact(small[i], kSmall, i)) << i << ", which waits in the quarantine";
    }
    g_now_ms += 2 * delay;
    EXPECT_GT(mp_give_back(delay), std::size_t{100} << 20);
    EXPECT_GT(unreadable(), 0) << "only the delay has kept it";
}

/// Frees blocks of both kinds and looks at the queues in which they then wait.
class Reader {
public:
    explicit Reader(std::initializer_list<std::uint32_t> allowed) : allowed_(allowed), thread_([this] { run(); }) {}
    ~Reader() {
        stops_ = true;
        thread_.join();
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    [[nodiscard]] std::uint32_t rounds() const { return rounds_; }
    [[nodiscard]] std::uint32_t torn() const { return torn_; }
    [[nodiscard]] std::uint32_t last() const { return last_; }

private:
    void run() {
        set_memory_context(game::kDefaultContext);
        while (!stops_) {
            release(allocate(64));
            release(allocate(300));
            torn_ += is_whole(replace::detail::kPoolSizes) && is_whole(replace::detail::kHeapSizes) ? 0 : 1;
            last_ = replace::thread_state().quarantine[replace::detail::kHeapSizes].budget / 1024;
            ++rounds_;
        }
        plugin::on_thread_end();
    }
    [[nodiscard]] bool is_whole(std::uint32_t kind) const {
        const replace::QuarantineQueue& queue = replace::thread_state().quarantine[kind];
        const std::uint32_t share = kind == replace::detail::kPoolSizes ? 16 : 1;
        return std::ranges::any_of(allowed_, [&](std::uint32_t kilobytes) {
            const std::uint32_t budget = kilobytes * 1024 / share;
            return queue.budget == budget && queue.length == budget / 32 && queue.bytes <= budget;
        });
    }

    std::vector<std::uint32_t> allowed_;
    std::atomic<bool> stops_{false};
    std::atomic<std::uint32_t> rounds_{0};
    std::atomic<std::uint32_t> torn_{0};
    std::atomic<std::uint32_t> last_{0};
    std::thread thread_;
};

TEST_F(Commands, SettingsThatAreReadAgainWhileThreadsUseThemAreSeenWholeAndByAll) {
    static const std::string kFiles[] = {
        "[Memory]\niQuarantineKB = 32\niKeepFreedSeconds = 3600\n[Report]\nbPageAtExit = 0\n",
        "[Memory]\niQuarantineKB = 2048\niKeepFreedSeconds = 1\n[Report]\nbPageAtExit = 1\n",
    };
    ASSERT_TRUE(plugin::recorder::is_recording());
    std::vector<std::unique_ptr<Reader>> readers;
    for (int i = 0; i < 4; ++i) {
        readers.push_back(std::make_unique<Reader>(std::initializer_list<std::uint32_t>{1024, 32, 2048}));
    }
    const auto wait_for_rounds = [&readers](std::uint32_t more) {
        for (const auto& reader : readers) {
            const std::uint32_t begin = reader->rounds();
            while (reader->rounds() - begin < more) {
                os::yield_thread();
            }
        }
    };
    for (std::uint32_t i = 0; i < 20000; ++i) {  // what a reload does to them, too often for a file
        replace::set_quarantine(i % 2 == 0 ? 2048 : 32);
    }
    wait_for_rounds(2);
    for (std::size_t i = 0; i < 40; ++i) {
        reload(kFiles[i % 2]);
        plugin::recorder::request_page();  // the recorder's thread takes a sample at once
        show_loading_screen();
        wait_for_rounds(2);
        const std::uint32_t kilobytes = i % 2 == 0 ? 32 : 2048;
        for (const auto& reader : readers) {
            EXPECT_EQ(reader->last(), kilobytes);
        }
        EXPECT_EQ(plugin::activation().settings.keep_freed_seconds, i % 2 == 0 ? 3600U : 1U);
    }
    for (const auto& reader : readers) {
        EXPECT_EQ(reader->torn(), 0U);
    }
    EXPECT_TRUE(plugin::recorder::is_recording());
    plugin::recorder::stop();
    EXPECT_FALSE(plugin::recorder::is_recording());
}

// --- handles -------------------------------------------------------------------------------------------------------

void foreign_listener(nvse::Message* /*message*/) {}

/// After two failed Loads of others, with an extender before 6.4.5 and with a newer one.
class Handles : public Commands, public ::testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        g_recorded = {};
        g_recorded.takes_reported = GetParam();
    }
    static void load() {
        const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
        ASSERT_TRUE(plugin::on_load(&extender));
        g_recorded.loading = false;
        dispatch(0, nvse::kMessagePostLoad, nullptr, 0, nullptr);
    }
    static void reload_named(const char* name, const char* receiver) {
        std::string text = name;
        dispatch(0, nvse::kMessageReloadConfig, text.data(), static_cast<std::uint32_t>(text.size() + 1), receiver);
    }
    static void write_quarantine(int length) { std::ofstream(ini()) << "[Memory]\niQuarantineKB = " << length << "\n"; }
};
INSTANTIATE_TEST_SUITE_P(OldAndNew, Handles, ::testing::Bool());

TEST_P(Handles, ReloadPluginConfigArrivesAndMessagesToAllArriveOnce) {
    load();
    EXPECT_EQ(g_recorded.accepted, GetParam() ? kReportedHandle : kOwnHandle);
    write_quarantine(8);
    reload_named("memorypoolnvse", "MemoryPoolNVSE");
    EXPECT_EQ(value_of("iQuarantineKB"), "8");
    EXPECT_EQ(times_in_log("settings read again"), 1U);
    dispatch(0, nvse::kMessageDeferredInit, nullptr, 0, nullptr);
    EXPECT_EQ(times_in_log("main loop reached"), 1U);
    EXPECT_EQ(times_in_log("ReloadPluginConfig does not reach it"), 0U);
}

TEST_P(Handles, WhatIsMeantForAnotherPluginIsNotOurs) {
    load();
    write_quarantine(8);
    reload_named("AnotherPlugin", nullptr);
    EXPECT_EQ(value_of("iQuarantineKB"), "1024");
}

TEST_P(Handles, OtherPluginsListsStayAsTheyWere) {
    load();
    for (const Listener& listener : g_recorded.listeners) {
        const bool first = listener.sender == 0 && listener.listener == g_recorded.accepted;
        const bool own = listener.listener == kOwnHandle || listener.sender == kOwnHandle;
        EXPECT_TRUE(first || own) << listener.sender << " to " << listener.listener;
    }
}

TEST(HandleTaken, ByAnotherPluginAChangedFileIsReadAtTheEndOfALoadingScreenAndByTheReport) {
    g_recorded = {};
    g_recorded.takes_reported = true;
    // One that loaded between the failed ones and ours, and took the handle that it was told.
    g_recorded.listeners.push_back({0, kOwnHandle, &foreign_listener});
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    g_recorded.loading = false;
    dispatch(0, nvse::kMessagePostLoad, nullptr, 0, nullptr);
    dispatch(0, nvse::kMessageDeferredInit, nullptr, 0, nullptr);
    EXPECT_NE(log_text().find("console: MemoryPoolNVSE: ReloadPluginConfig does not reach it"), std::string::npos);
    char path[plugin::kLongestSettingsPath];
    static_cast<void>(plugin::read_settings_file(path));
    const auto quarantine = [] { return plugin::activation().settings.quarantine_kb; };

    std::ofstream(path) << "[Memory]\niQuarantineKB = 8\n";
    dispatch(0, nvse::kMessageMainGameLoop, nullptr, 0, nullptr);
    EXPECT_EQ(quarantine(), 1024U) << "no file is read between frames";
    dispatch(0, nvse::kMessagePostLoadGame, nullptr, 1, nullptr);
    EXPECT_EQ(quarantine(), 8U);
    ASSERT_EQ(type("mpset", {"iQuarantineKB", "9"}).number, 1);
    dispatch(0, nvse::kMessagePostLoadGame, nullptr, 1, nullptr);
    EXPECT_EQ(quarantine(), 9U) << "the file is as it was";
    std::ofstream(path) << "[Memory]\niQuarantineKB = 10\n";
    EXPECT_NE(type("mpreport", {}).console.find("[Memory] iQuarantineKB: 10, was 9"), std::string::npos);
    std::remove(path);
}

// --- files of real players -----------------------------------------------------------------------------------------

/// A file below the program's folder for the life of one test, with the folders that it needs.
class GameFile {
public:
    GameFile(const char* name, const std::string& bytes) : path_(folder() / name) {
        std::filesystem::create_directories(path_.parent_path());
        std::ofstream(path_, std::ios::binary) << bytes;
    }
    /// What the plugin still writes to stays until the next test of this kind.
    ~GameFile() {
        std::error_code still_open;
        std::filesystem::remove(path_, still_open);
        std::filesystem::remove_all(folder() / "Data", still_open);
    }
    GameFile(const GameFile&) = delete;
    GameFile& operator=(const GameFile&) = delete;

    static std::filesystem::path folder() {
        char path[os::kMaxPath];
        EXPECT_TRUE(os::executable_folder(path, sizeof path));
        return path;
    }

private:
    std::filesystem::path path_;
};

/// Loads the plugin and reaches the main menu; what the console said.
std::string words_at_start() {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    EXPECT_TRUE(plugin::on_load(&extender));
    standin::clear_console();
    nvse::Message message{"NVSE", nvse::kMessageDeferredInit, 0, nullptr};
    g_recorded.handler(&message);
    return told_text();
}

TEST(SettingsOfPlayers, InTheGamesOwnFolderCountBeforeThoseBesideTheModule) {
    const GameFile file("Data/NVSE/Plugins/MemoryPoolNVSE.ini", "[Memory]\niQuarantineKB = 7\n");
    words_at_start();
    EXPECT_EQ(plugin::activation().settings.quarantine_kb, 7U);
    EXPECT_NE(log_text().find("Data\\NVSE\\Plugins\\MemoryPoolNVSE.ini\n"), std::string::npos) << log_text();
}

TEST(SettingsOfPlayers, LinesThatAreNotUsedAreSaidInTheConsoleAtTheStart) {
    const GameFile file("Data/NVSE/Plugins/MemoryPoolNVSE.ini", "[Main]\nsMode = fast\nwhat\n");
    EXPECT_NE(words_at_start().find("2 lines of MemoryPoolNVSE.ini were not used"), std::string::npos);
}

TEST(SettingsOfPlayers, AFileThatCannotBeReadIsNotTakenForAMissingOne) {
    const GameFile file("Data/NVSE/Plugins/MemoryPoolNVSE.ini/in the way", "");
    EXPECT_NE(words_at_start().find("MemoryPoolNVSE.ini cannot be read"), std::string::npos);
    EXPECT_NE(log_text().find("MemoryPoolNVSE.ini (cannot be read: "), std::string::npos) << log_text();
}

TEST_F(Commands, AFileThatCannotBeReadAgainLeavesTheSettingsInUse) {
    reload("[Memory]\niQuarantineKB = 8\n");
    ASSERT_EQ(value_of("iQuarantineKB"), "8");
    std::filesystem::remove(ini());
    std::filesystem::create_directory(ini());
    standin::clear_console();
    char name[] = "MemoryPoolNVSE";
    nvse::Message message{"NVSE", nvse::kMessageReloadConfig, sizeof name, name};
    g_recorded.handler(&message);
    EXPECT_EQ(value_of("iQuarantineKB"), "8");
    EXPECT_NE(log_text().find("cannot be read"), std::string::npos);
    EXPECT_NE(log_text().find("those in use stay"), std::string::npos);
    std::filesystem::remove(ini());
}

TEST(LogOfPlayers, LiesWhereTheExtendersConfigurationAsItIsShippedSays) {
    std::string config = "\xFF\xFE";
    for (const char c : std::string("[Logging]\r\n\r\nsPluginLogPath = \"Data\\NVSE\\Plugins\\Logs\"\r\n")) {
        config += {c, '\0'};
    }
    const GameFile file("Data/NVSE/nvse_config.ini", config);
    plugin::log::open();
    const std::filesystem::path wanted = GameFile::folder() / "Data\\NVSE\\Plugins\\Logs\\MemoryPoolNVSE.log";
    EXPECT_EQ(std::filesystem::path(plugin::log::path()), wanted);
    EXPECT_TRUE(std::filesystem::exists(wanted)) << "a folder that is not there yet is made";
}

TEST(Extender, OutOfMemoryIsInTheLogAtOnceAndInTheConsoleOnceFromTheMainLoop) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    standin::clear_console();
    replace::report_refusal(123'456'789);
    EXPECT_NE(log_text().find("asked for 123,456,789 bytes; largest hole "), std::string::npos) << log_text();
    EXPECT_TRUE(standin::console_lines().empty()) << "the game may hold locks there";
    for (int frame = 0; frame < 3; ++frame) {
        dispatch(0, nvse::kMessageMainGameLoop, nullptr, 0, nullptr);
        os::sleep_ms(1100);
        replace::report_refusal(500'000'000);
    }
    const std::vector<std::string> texts = told();
    EXPECT_EQ(std::ranges::count_if(
                  texts, [](const std::string& text) { return text.find("run out of memory") != std::string::npos; }),
              1);
}

// --- others in the same process ------------------------------------------------------------------------------------

/// E9 to a function of another module, as a jump of another plugin stands.
std::vector<std::uint8_t> jump_from(Addr va) {
    const auto distance = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&VirtualAlloc)) - (va + 5);
    return {0xE9, static_cast<std::uint8_t>(distance), static_cast<std::uint8_t>(distance >> 8),
            static_cast<std::uint8_t>(distance >> 16), static_cast<std::uint8_t>(distance >> 24)};
}

void reach_main_loop() {
    nvse::Message message{"NVSE", nvse::kMessageDeferredInit, 0, nullptr};
    g_recorded.handler(&message);
}

TEST(Conflicts, AnOwnedScrapHeapGetterOrReallocateIsLeftToItsOwnerAndNamed) {
    constexpr Addr kGetter = game::fn::kThreadScrapHeap.va;
    constexpr Addr kReallocate = game::fn::kReallocate1.va;
    const Altered getter(kGetter, jump_from(kGetter));
    const Altered reallocate(kReallocate, jump_from(kReallocate));
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    reach_main_loop();
    EXPECT_EQ(plugin::command_value(3), 17.0);
    EXPECT_EQ(plugin::command_value(5), 19.0);
    const std::string text = log_text();
    for (const char* part :
         {"console: MemoryPoolNVSE: thread scrap heap: left to its owner; ", " owns 0x00AA42E0\n",
          "console: MemoryPoolNVSE: game heap (optional): left to its owner; ", " owns 0x00AA4150\n"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
    EXPECT_NE(text.find("all is well; full mode, 17 of 17 patches, 19 of 21 front doors"), std::string::npos) << text;
}

TEST(Conflicts, ADoorWithUnknownBytesIsNotAllWell) {
    constexpr Addr kGetter = game::fn::kThreadScrapHeap.va;
    const Altered getter(kGetter, {0x90, 0x90});
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    reach_main_loop();
    EXPECT_NE(log_text().find("works in part"), std::string::npos) << log_text();
}

/// What another copy of the plugin asks for in this process.
std::string name_of_the_only_copy() {
    return "MemoryPoolNVSE-" + std::to_string(GetCurrentProcessId());
}

TEST(Conflicts, ASecondCopyOfThePluginTouchesNothingAndLeavesWordWithTheFirst) {
    g_recorded = {};
    os::NameClaim first_copy;
    ASSERT_TRUE(first_copy.take(name_of_the_only_copy().c_str()));
    EXPECT_FALSE(first_copy.others_asked());
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    nvse::PluginInfo info{};
    EXPECT_TRUE(plugin::on_preload());
    EXPECT_TRUE(query(extender, &info)) << "a copy that fails would be an error to xNVSE";
    EXPECT_TRUE(plugin::on_load(&extender));
    EXPECT_EQ(replace::installed_sites(), 0U);
    EXPECT_STREQ(plugin::log::path(), "") << "the log is the first one's";
    EXPECT_STREQ(plugin::recorder::session_path(), "");
    EXPECT_TRUE(g_recorded.commands.empty()) << "those of the first answer";
    EXPECT_EQ(g_recorded.handler, nullptr);
    EXPECT_TRUE(first_copy.others_asked());
}

TEST_F(Commands, TheFirstOfTwoCopiesSaysThatThereIsASecond) {
    os::NameClaim second_copy;
    EXPECT_FALSE(second_copy.take(name_of_the_only_copy().c_str()));
    reach_main_loop();
    EXPECT_NE(log_text().find("console: MemoryPoolNVSE: a second copy of it was loaded and does nothing"),
              std::string::npos)
        << log_text();
    EXPECT_EQ(plugin::command_value(3), 17.0);
}

TEST_F(Commands, ASecondLoadOfThePluginChangesNothing) {
    const Recorded before = g_recorded;
    const std::string log = log_text();
    ASSERT_TRUE(plugin::recorder::is_recording());
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    EXPECT_TRUE(plugin::on_preload());
    EXPECT_TRUE(plugin::on_load(&extender));
    plugin::recorder::stop();
    const auto session = std::filesystem::file_size(plugin::recorder::session_path());
    EXPECT_TRUE(plugin::on_load(&extender));
    EXPECT_FALSE(plugin::recorder::is_recording());
    EXPECT_EQ(std::filesystem::file_size(plugin::recorder::session_path()), session);
    EXPECT_EQ(g_recorded.commands.size(), before.commands.size());
    EXPECT_EQ(g_recorded.listeners.size(), before.listeners.size());
    EXPECT_TRUE(log_text().starts_with(log));
}

TEST(Conflicts, AChangeOfOurHooksByALaterPluginIsNamed) {
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    constexpr Addr kGetter = game::fn::kThreadScrapHeap.va;
    const Altered getter(kGetter, jump_from(kGetter));
    reach_main_loop();
    EXPECT_NE(log_text().find("console: MemoryPoolNVSE: somebody changed the bytes at 0x00AA42E0"), std::string::npos)
        << log_text();
}

/// The end of loading a save.
void end_loading() {
    nvse::Message message{"NVSE", nvse::kMessagePostLoadGame, 1, nullptr};
    g_recorded.handler(&message);
}

void begin_loading() {
    nvse::Message message{"NVSE", nvse::kMessagePreLoadGame, 0, nullptr};
    g_recorded.handler(&message);
}

void pass_main_loop() {
    nvse::Message message{"NVSE", nvse::kMessageMainGameLoop, 0, nullptr};
    g_recorded.handler(&message);
}

TEST(Conflicts, WhatALaterPluginOverwroteIsNotCountedAndNamedOnce) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    reach_main_loop();
    EXPECT_EQ(plugin::command_value(3), 17.0);
    EXPECT_EQ(plugin::command_value(5), 21.0);
    constexpr Addr kMedia = game::fn::kMediaReallyFree.va;
    constexpr Addr kPurge = game::fn::kScrapPurge.va;
    {
        const Altered media(kMedia, jump_from(kMedia));
        EXPECT_EQ(plugin::command_value(3), 17.0) << "commands of every frame do not look themselves";
        end_loading();
        EXPECT_EQ(plugin::command_value(3), 16.0);
        EXPECT_EQ(times_in_log("somebody changed the bytes at 0x009FB170"), 1U);
        EXPECT_EQ(times_in_log("works in part, see MemoryPoolNVSE.log; full mode, 16 of 17 patches, 21 of 21"), 1U);
        const Altered purge(kPurge, jump_from(kPurge));
        EXPECT_EQ(plugin::command_value(6), 0.0) << "the report looks, and not all is well";
        for (int i = 0; i < 2; ++i) {  // what is new and what is known already
            const std::string report = type("mpreport", {}).console;
            EXPECT_NE(report.find("works in part"), std::string::npos) << report;
            EXPECT_NE(report.find("somebody changed the bytes at 0x009FB170"), std::string::npos) << report;
            EXPECT_NE(report.find("somebody changed the bytes at 0x00AA5460"), std::string::npos) << report;
        }
        EXPECT_EQ(plugin::command_value(3), 16.0);
        EXPECT_EQ(plugin::command_value(5), 20.0);
        end_loading();
        end_loading();
        EXPECT_EQ(times_in_log("somebody changed the bytes at 0x009FB170"), 1U) << "said once";
        EXPECT_EQ(times_in_log("somebody changed the bytes at 0x00AA5460"), 1U);
    }
    EXPECT_EQ(plugin::command_value(6), 1.0) << "ours stand again";
    EXPECT_EQ(plugin::command_value(3), 17.0);
    EXPECT_EQ(plugin::command_value(5), 21.0);
}

TEST(Conflicts, AGetterThatItsOwnerTakesAfterUsIsNotCountedAndAllIsWell) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    constexpr Addr kGetter = game::fn::kThreadScrapHeap.va;
    const Altered getter(kGetter, jump_from(kGetter));
    reach_main_loop();
    EXPECT_NE(log_text().find("all is well; full mode, 17 of 17 patches, 20 of 21 front doors"), std::string::npos)
        << log_text();
}

TEST(Conflicts, AChangedSlotOfTheHeapsIsNotAllWell) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    const Altered slot(game::kPointerSites[1].va, bytes_at(game::kPointerSites[0].va, 4));
    reach_main_loop();
    EXPECT_NE(log_text().find("works in part"), std::string::npos) << log_text();
}

// --- the session -------------------------------------------------------------------------------------------------

std::string text_of_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A session whose recording was stopped, and its page.
struct Session {
    std::map<std::string, std::int64_t> totals;  ///< by column
    std::string last_column;
    std::vector<std::string> events;
    std::vector<std::string> remarks;
    std::string text;
    std::string page;

    [[nodiscard]] bool has(const std::string& event) const {
        return std::ranges::any_of(events, [&](const std::string& one) { return one.starts_with(event); });
    }
};

Session stop_recording() {
    plugin::recorder::stop();
    EXPECT_FALSE(plugin::recorder::is_recording());
    Session session;
    session.text = text_of_file(plugin::recorder::session_path());
    auto reader = session::Reader::open(session.text);
    EXPECT_TRUE(reader) << session.text;
    while (reader && reader->next()) {
        if (!reader->event().empty()) {
            session.events.push_back(reader->event());
        }
    }
    for (std::size_t i = 0; reader && i < reader->columns().size(); ++i) {
        session.totals[reader->columns()[i]] = reader->figures()[i];
        session.last_column = reader->columns()[i];
    }
    session.remarks = reader ? reader->remarks("x") : std::vector<std::string>{"unreadable"};
    session.page = text_of_file(plugin::recorder::page_path());
    return session;
}

TEST_F(Commands, TheSessionCountsWhatTheCommandsCountInTheColumnsOfItsMode) {
    for (int i = 0; i < 1000; ++i) {
        heap_free(heap_allocate(64));
    }
    Session session = stop_recording();
    EXPECT_EQ(session.totals["functions replaced"], 17);
    EXPECT_EQ(session.totals["front doors replaced"], 21);
    EXPECT_GE(session.totals["heap blocks 9 allocated"], 1000);
    EXPECT_GE(session.totals["allocations"], 1000);
    EXPECT_LE(session.totals["allocations"], static_cast<std::int64_t>(plugin::command_value(0)));
    EXPECT_GT(session.totals["committed KB"], session.totals["live KB"]);
    EXPECT_TRUE(session.totals.contains("game heap allocated"));
    EXPECT_EQ(session.totals.contains("largest hole KB"), !os::page_map_overstates());
    EXPECT_EQ(session.last_column, "above 1 MB") << "no column is cut off";
    EXPECT_TRUE(session.remarks.empty()) << session.remarks.front();
}

TEST_F(Commands, WhatHappensIsAnEventOfTheSession) {
    reach_main_loop();
    EXPECT_EQ(type("mpset", {"iQuarantineKB", "512"}).number, 1);
    replace::report_refusal(123'456'789);
    constexpr Addr kMedia = game::fn::kMediaReallyFree.va;
    const Altered media(kMedia, jump_from(kMedia));
    begin_loading();
    end_loading();
    const Session session = stop_recording();
    constexpr const char* kVersion = "plugin version: " MP_VERSION_TEXT;
    constexpr const char* kVerdict = "verdict: MemoryPoolNVSE " MP_VERSION_TEXT ": works in part";
    for (const char* event :
         {"start: 20", kVersion, "extender version: 6.4.8", "mode: full", "moment: Load",
          "setting Memory iQuarantineKB: 1024", "group pool memory: replaced; ",
          "function 0x00AA8F50: replaced; MemoryHeap::", "main loop: reached",
          "command: MemoryPoolSet iQuarantineKB 512", "settings: [Memory] iQuarantineKB: 512, was 1024",
          "warning: OUT OF MEMORY: thread ", "loading screen: began", "loading screen: ended; ",
          "warning: MemoryPoolNVSE: somebody changed the bytes at 0x009FB170", kVerdict, "end: in order"}) {
        EXPECT_TRUE(session.has(event)) << event << "\n" << session.text;
    }
    EXPECT_NE(session.page.find("asked for 123,456,789 bytes"), std::string::npos);
}

TEST_F(Commands, ALoadingScreenIsOneAndNoFrame) {
    begin_loading();
    show_frame(1);
    pass_main_loop();
    end_loading();  // the save is read; the screen stands until the game's first frame
    show_frame(1);
    pass_main_loop();
    show_frame(0);
    pass_main_loop();
    Session session = stop_recording();
    const auto of_screens = [](const std::string& event) { return event.starts_with("loading screen: "); };
    EXPECT_EQ(std::ranges::count_if(session.events, of_screens), 2) << session.text;
    const auto ended = std::ranges::find_if(
        session.events, [](const std::string& event) { return event.starts_with("loading screen: ended; "); });
    ASSERT_NE(ended, session.events.end()) << session.text;
    EXPECT_NE(ended->find(" ms; committed "), std::string::npos) << *ended;
    EXPECT_EQ(ended->find("largest hole") != std::string::npos, !os::page_map_overstates()) << *ended;
    EXPECT_EQ(times_in_log(" ms: committed "), 1U) << log_text();
    EXPECT_EQ(session.totals["frames"], 0) << session.text;
    EXPECT_TRUE(session.totals.contains("frames to 16 ms"));
}

TEST_F(Commands, APageThatWasAskedForIsAnEventAndSaysThatTheGameStillRuns) {
    const std::string page = plugin::recorder::page_path();
    std::remove(page.c_str());
    type("mpreport", {"full"});
    while (!std::filesystem::exists(page)) {  // by the recorder's thread; the test's own time limit ends a wait in vain
        Sleep(10);
    }
    const std::string made = text_of_file(page.c_str());
    const Session session = stop_recording();
    EXPECT_TRUE(session.has("command: MemoryPoolReport full")) << session.text;
    EXPECT_TRUE(session.has("page: of the session so far")) << session.text;
    EXPECT_NE(made.find("\"page: of the session so far\""), std::string::npos);
    EXPECT_EQ(made.find("no orderly end"), std::string::npos);
}

TEST_F(Commands, PassesOfTheMainLoopAreFrames) {
    for (int i = 0; i < 4; ++i) {
        pass_main_loop();
        Sleep(20);
    }
    Session session = stop_recording();
    EXPECT_EQ(session.totals["frames"], 3);
    EXPECT_GE(session.totals["frame ms"], 3 * 15);
    EXPECT_GE(session.totals["longest frame us"], 15'000);
}

/// Starts, looks and stops the recording: console, log, command, session and page must all say `verdict`, and for each
/// group that is not replaced `group`; to the page it is a warning only when `is_wrong`.
void expect_one_voice(const std::string& verdict, const std::string& group, bool is_wrong) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    standin::clear_console();
    reach_main_loop();
    const std::vector<std::string> console = told();
    const Answer report = type("mpreport", {});
    const Answer doors = type("GetFrontDoorCount", {});
    const Session session = stop_recording();
    const std::string sentence = "MemoryPoolNVSE " MP_VERSION_TEXT ": " + verdict;
    const std::string line = "MemoryPoolNVSE: " + group;

    const auto starts = [](const std::string& with) {
        return [with](const std::string& one) { return one.starts_with(with); };
    };
    EXPECT_EQ(std::ranges::count(console, sentence), 1) << testing::PrintToString(console);
    EXPECT_EQ(std::ranges::count_if(console, starts(line)), 1) << testing::PrintToString(console);
    EXPECT_EQ(times_in_log("\n" + sentence + "\n"), 1U) << "at the activation";
    EXPECT_EQ(times_in_log("\nconsole: " + sentence + "\n"), 1U);
    EXPECT_EQ(times_in_log("\n  " + group), 1U) << log_text();
    EXPECT_EQ(times_in_log("\nconsole: " + line), 1U) << log_text();
    EXPECT_NE(report.console.find(sentence + "\n"), std::string::npos) << report.console;
    EXPECT_EQ(report.number, is_wrong ? 0 : 1);
    EXPECT_NE(doors.console.find(line), std::string::npos) << doors.console;
    const std::string told = (is_wrong ? "warning: " : "note: ") + line;
    for (const std::string& event : {"verdict: " + sentence, "group " + group, told}) {
        EXPECT_TRUE(session.has(event)) << event << "\n" << session.text;
        EXPECT_NE(session.page.find('"' + event), std::string::npos) << event;
    }
    EXPECT_EQ(std::ranges::count_if(session.events, starts("warning: ")), is_wrong ? 1 : 0) << session.text;
    for (const std::string& event : session.events) {
        EXPECT_TRUE(!event.starts_with("verdict: ") || event == "verdict: " + sentence) << event;
    }
}

TEST(Verdict, OfADoorThatIsLeftToItsKnownOwnerIsTheSameEverywhere) {
    constexpr Addr kGetter = game::fn::kThreadScrapHeap.va;
    const Altered getter(kGetter, jump_from(kGetter));
    expect_one_voice("all is well; full mode, 17 of 17 patches, 20 of 21 front doors",
                     "thread scrap heap: left to its owner; ", false);
}

TEST(Verdict, OfADeclinedGroupIsTheSameEverywhere) {
    constexpr Addr kMedia = game::fn::kMediaReallyFree.va;
    const Altered media(kMedia, jump_from(kMedia));
    expect_one_voice("works in part, see MemoryPoolNVSE.log; full mode, 15 of 17 patches, 21 of 21 front doors",
                     "media samples: declined; 1 of 2 sites differ; first: 0x009FB170 ", true);
}

TEST(Verdict, IsSaidAgainWhenItChangesForWorseOrBetter) {
    g_recorded = {};
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    reach_main_loop();
    {
        constexpr Addr kMedia = game::fn::kMediaReallyFree.va;
        const Altered media(kMedia, jump_from(kMedia));
        end_loading();
        end_loading();
    }
    end_loading();
    const Session session = stop_recording();
    std::vector<std::string> verdicts;
    std::ranges::copy_if(session.events, std::back_inserter(verdicts),
                         [](const std::string& event) { return event.starts_with("verdict: "); });
    ASSERT_EQ(verdicts.size(), 4U) << session.text;
    EXPECT_EQ(verdicts[1], verdicts[0]) << "in the console, too";
    EXPECT_NE(verdicts[2].find("works in part"), std::string::npos);
    EXPECT_EQ(verdicts[3], verdicts[0]);
}

}  // namespace
}  // namespace mp::test
