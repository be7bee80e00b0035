// What the plugin tells xNVSE, with an extender of the tests' own: refusals, commands, listeners.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "engine_access.h"
#include "plugin/activation.h"
#include "plugin/commands.h"
#include "plugin/extender.h"
#include "plugin/log.h"
#include "plugin/version.h"
#include "replace/install.h"

namespace mp::test {
namespace {

/// What the plugin asked of the extender.
struct Recorded {
    std::uint32_t opcode_base = 0;
    std::vector<nvse::CommandInfo> commands;
    nvse::MessageHandler handler = nullptr;
    nvse::PluginHandle highest_accepted = 3;
    nvse::PluginHandle accepted = 0;
};
Recorded g_recorded;

bool register_command(nvse::CommandInfo* info) {
    g_recorded.commands.push_back(*info);
    return true;
}
void set_opcode_base(std::uint32_t base) {
    g_recorded.opcode_base = base;
}
bool register_listener(nvse::PluginHandle listener, const char* sender, nvse::MessageHandler handler) {
    if (std::string(sender) != "NVSE" || listener > g_recorded.highest_accepted) {
        return false;
    }
    g_recorded.accepted = listener;
    g_recorded.handler = handler;
    return true;
}
nvse::MessagingInterface g_messaging{4, &register_listener, nullptr};
void* query_interface(std::uint32_t id) {
    return id == nvse::kInterfaceMessaging ? &g_messaging : nullptr;
}
nvse::PluginHandle get_plugin_handle() {
    return 5;  // too high by two, as after two failed Loads
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

std::string log_text() {
    std::ifstream file(plugin::log::path());
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
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

TEST(Extender, TheEditorIsRefusedWithAClearLine) {
    nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    extender.is_editor = 1;
    nvse::PluginInfo info{};
    EXPECT_FALSE(query(extender, &info));
    EXPECT_NE(log_text().find("this is the editor"), std::string::npos);
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
                                    "IsMemorySystemActive", "GetFrontDoorCount", "MemoryPoolReport"};
    static_assert(std::size(expected) == plugin::kCommandCount);
    void* block = heap_allocate(1000);
    for (std::size_t i = 0; i < plugin::kCommandCount; ++i) {
        const nvse::CommandInfo& command = g_recorded.commands[i];
        EXPECT_STREQ(command.long_name, expected[i]);
        double executed = -1;
        double evaluated = -2;
        EXPECT_TRUE(command.execute(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, &executed, nullptr));
        EXPECT_TRUE(command.eval(nullptr, nullptr, nullptr, &evaluated));
        EXPECT_EQ(executed, evaluated) << command.long_name;
        EXPECT_EQ(executed, plugin::command_value(i));
        EXPECT_EQ(command.flags, nvse::CommandInfo::kUsableAsCondition);
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

    EXPECT_TRUE(replace::restore().complete());
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
    replace::restore();
}

// --- others in the same process ------------------------------------------------------------------------------------

/// E9 to an address inside the test program, as a jump of another plugin stands.
std::vector<std::uint8_t> jump_from(Addr va) {
    const auto distance = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&jump_from)) - (va + 5);
    return {0xE9, static_cast<std::uint8_t>(distance), static_cast<std::uint8_t>(distance >> 8),
            static_cast<std::uint8_t>(distance >> 16), static_cast<std::uint8_t>(distance >> 24)};
}

void reach_main_loop() {
    nvse::Message message{"NVSE", nvse::kMessageDeferredInit, 0, nullptr};
    g_recorded.handler(&message);
}

TEST(Conflicts, AnOwnedScrapHeapGetterOrReallocateIsLeftToItsOwnerAndNamed) {
    constexpr Addr kGetter = game::site(0x00AA42E0).va;
    constexpr Addr kReallocate = game::site(0x00AA4150).va;
    const Altered getter(kGetter, jump_from(kGetter));
    const Altered reallocate(kReallocate, jump_from(kReallocate));
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    reach_main_loop();
    EXPECT_EQ(plugin::command_value(3), 17.0);
    EXPECT_EQ(plugin::command_value(5), 19.0);
    const std::string text = log_text();
    EXPECT_NE(text.find("console: MemoryPoolNVSE: thread scrap heap left to "), std::string::npos) << text;
    EXPECT_NE(text.find(", which owns 0x00AA42E0"), std::string::npos) << text;
    EXPECT_NE(text.find(", which owns 0x00AA4150"), std::string::npos) << text;
    EXPECT_NE(text.find("works in part"), std::string::npos) << text;
}

TEST(Conflicts, ASecondCopyOfThePluginStepsBack) {
    char name[64];
    std::snprintf(name, sizeof name, "MemoryPoolNVSE-%lu", GetCurrentProcessId());
    HANDLE first_copy = CreateEventA(nullptr, TRUE, FALSE, name);
    ASSERT_NE(first_copy, nullptr);
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    reach_main_loop();
    EXPECT_EQ(plugin::activation().state, plugin::ActivationState::refused_other);
    EXPECT_EQ(plugin::command_value(3), 0.0);
    EXPECT_NE(log_text().find("does nothing: another copy of MemoryPoolNVSE"), std::string::npos) << log_text();
    CloseHandle(first_copy);
}

TEST(Conflicts, AChangeOfOurHooksByALaterPluginIsNamed) {
    const nvse::Interface extender = extender_of(nvse::pack_version(6, 4, 8));
    ASSERT_TRUE(plugin::on_load(&extender));
    constexpr Addr kGetter = game::site(0x00AA42E0).va;
    const Altered getter(kGetter, jump_from(kGetter));
    reach_main_loop();
    EXPECT_NE(log_text().find("console: MemoryPoolNVSE: somebody changed the bytes at 0x00AA42E0"), std::string::npos)
        << log_text();
}

}  // namespace
}  // namespace mp::test
