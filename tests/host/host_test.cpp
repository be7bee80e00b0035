#include "sandbox.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <string>

namespace {

using mp::test::Sandbox;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Preload, RunsOncePerPluginInNameOrderWithoutRegardToCase) {
    Sandbox box;
    box.add_plugin("beta");
    box.add_plugin("Alpha");
    box.add_plugin("0_first");
    ASSERT_TRUE(box.run(""));
    const auto events = box.events();
    ASSERT_GE(events.size(), 4U);
    EXPECT_EQ(events[0], "0_first preload");
    EXPECT_EQ(events[1], "Alpha preload");
    EXPECT_EQ(events[2], "beta preload");
    EXPECT_THAT(events[3], StartsWith("0_first query"));
    EXPECT_THAT(box.events_of("beta"), Contains("preload").Times(1));
}

TEST(Preload, ComesBeforeWinMainAndIsSkippedWhenTheHostIsTold) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("late");
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.events_of("late"), AllOf(Not(Contains("preload")), Contains("load handle 1")));
}

TEST(Start, WinMainStillRunsWithItsArgumentsAndReturns) {
    Sandbox box;
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.output(), AllOf(Contains("winmain 10"), Contains("end")));
}

TEST(Start, AnotherGameVersionIsLeftAlone) {
    Sandbox box;
    box.add_plugin("any");
    ASSERT_TRUE(box.run("module=nvse_1_4.dll", "host_game_patched.exe"));
    EXPECT_THAT(box.events(), IsEmpty());
    EXPECT_THAT(box.output(), Contains("module nvse_1_4.dll 0"));
    EXPECT_THAT(box.log("nvse_steam_loader.log"), HasSubstr("unsupported exe (version 0001000400000206)"));
}

TEST(HeapSizes, StayUntouchedWithoutConfiguration) {
    Sandbox box;
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.output(), AllOf(Contains("default heap 209715200"), Contains("file heap 67108864")));
}

TEST(HeapSizes, FollowTheConfigurationInsideTheirLimits) {
    Sandbox box;
    box.write_file("Data/NVSE/nvse_config.ini", "[Memory]\nDefaultHeapInitialAllocMB=500\nFileHeapSizeMB=1000\n");
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.output(), AllOf(Contains("default heap 524288000"), Contains("file heap 201326592")));
}

TEST(Phases, AllQueriesComeBeforeAllLoadsThenTwoMessages) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("a", "Listen=NVSE");
    box.add_plugin("b");
    ASSERT_TRUE(box.run(""));
    const auto events = box.events();
    ASSERT_GE(events.size(), 7U);
    EXPECT_THAT(events[0], StartsWith("a query"));
    EXPECT_THAT(events[1], StartsWith("b query"));
    EXPECT_THAT(events[2], StartsWith("a load"));
    EXPECT_THAT(events[4], StartsWith("b load"));
    EXPECT_EQ(events[5], "a message NVSE 0 len 0");
    EXPECT_EQ(events[6], "a message NVSE 9 len 0");
}

TEST(Phases, PluginsSeeTheDefaultMemoryContextAndTheGameGetsItsOwnBack) {
    Sandbox box;
    box.add_plugin("a");
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.events_of("a"), Contains(HasSubstr("context 65")));
    EXPECT_THAT(box.output(), Contains("context 0"));
}

TEST(Phases, VersionsAreThoseTheHostWasTold) {
    Sandbox box;
    box.override_host("NvseVersion", "0x06030000");
    box.override_host("RuntimeVersion", "0x03001C40");
    box.add_plugin("a");
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.events_of("a"), Contains(HasSubstr("nvse 06030000 runtime 03001C40 editor 00000000 isEditor 0")));
}

TEST(Phases, TheEditorPreloadsNothingAndHasNoConsole) {
    Sandbox box;
    box.override_host("IsEditor", "1");
    box.add_plugin("a", "Report=interfaces");
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.events_of("a"),
                AllOf(Not(Contains("preload")), Contains(HasSubstr("runtime 00000000 editor 04002060 isEditor 1")),
                      Contains("interfaces console 0 messaging 1 logging 1 unknown 0")));
}

TEST(Refusal, QueryFalseUnloadsThePluginAndNeverLoadsIt) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("no", "Query=false");
    ASSERT_TRUE(box.run("module=no.dll plugins"));
    EXPECT_THAT(box.events_of("no"), ElementsAre(StartsWith("query"), "unloaded"));
    EXPECT_THAT(box.output(), AllOf(Contains("module no.dll 0"), Not(Contains(StartsWith("plugin ")))));
    EXPECT_THAT(box.log("nvse.log"), HasSubstr("reported as incompatible during query"));
}

TEST(Refusal, APreloadedPluginStaysInMemoryWhenItsQueryFails) {
    Sandbox box;
    box.add_plugin("no", "Query=false");
    ASSERT_TRUE(box.run("module=no.dll"));
    EXPECT_THAT(box.events_of("no"), Not(Contains("unloaded")));
    EXPECT_THAT(box.output(), Contains("module no.dll 1"));
}

TEST(Refusal, AFaultInQueryIsCaughtAndUnloadsThePlugin) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("bad", "Query=fault");
    box.add_plugin("good");
    ASSERT_TRUE(box.run("module=bad.dll plugins"));
    EXPECT_THAT(box.output(),
                AllOf(Contains("module bad.dll 0"), Contains("plugin good 57 good.dll"), Contains("end")));
    // An emulated processor tells another kind of fault.
    const bool emulated = std::getenv("MP_EMULATED") != nullptr;
    EXPECT_THAT(box.log("nvse.log"), HasSubstr(emulated ? "exception C00000" : "exception C0000005"));
}

TEST(Refusal, AFaultInLoadIsCaughtAndUnloadsThePlugin) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("bad", "Load=fault");
    box.add_plugin("good");
    ASSERT_TRUE(box.run("module=bad.dll plugins"));
    EXPECT_THAT(box.events_of("bad"), ElementsAre(StartsWith("query"), "load handle 1", "unloaded"));
    EXPECT_THAT(box.output(),
                AllOf(Contains("module bad.dll 0"), Contains("plugin good 57 good.dll"), Contains("end")));
}

TEST(Refusal, APluginWithoutNameIsRejected) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("anon", "Query=noname");
    ASSERT_TRUE(box.run("plugins"));
    EXPECT_THAT(box.events_of("anon"), Contains("unloaded"));
    EXPECT_THAT(box.log("nvse.log"), HasSubstr("disabled, no name specified"));
}

TEST(Files, FiftyNamedExportsAreAPluginAndFiftyOneAreNot) {
    Sandbox box;
    box.add_plugin("fifty", "", "probe_plugin_50.dll");
    box.add_plugin("more", "", "probe_plugin_51.dll");
    ASSERT_TRUE(box.run("plugins"));
    EXPECT_THAT(box.output(), Contains("plugin fifty 57 fifty.dll"));
    EXPECT_THAT(box.events_of("more"), IsEmpty());
    EXPECT_THAT(box.log("nvse.log"), HasSubstr("more.dll: not an NVSE plugin (51 named exports)"));
}

TEST(Files, AForeignLibraryIsNotLoadedButCountsForHandlesInQuery) {
    Sandbox box;
    box.add_plugin("a_library", "", "probe_library.dll");
    box.add_plugin("b");
    ASSERT_TRUE(box.run("module=a_library.dll"));
    EXPECT_THAT(box.output(), Contains("module a_library.dll 0"));
    EXPECT_THAT(box.events_of("b"), AllOf(Contains(StartsWith("query handle 2")), Contains("load handle 1")));
}

constexpr const char* kBeforeReportedIsTaken = "0x06040040";

TEST(Handles, AreTooHighAfterAnEarlierLoadFailedAndTheListenerIsRefusedBefore645) {
    Sandbox box;
    box.override_host("NvseVersion", kBeforeReportedIsTaken);
    box.add_plugin("a", "Load=false");
    box.add_plugin("b", "Listen=NVSE");
    ASSERT_TRUE(box.run("loop"));
    EXPECT_THAT(box.events_of("b"),
                AllOf(Contains("listen NVSE handle 2 accepted 0"), Not(Contains(StartsWith("message")))));
}

TEST(Handles, ThatAreTooHighAreAcceptedSince645AndMessagesByNameGoAstray) {
    Sandbox box;
    box.add_plugin("a", "Load=false");
    box.add_plugin("b", "Listen=NVSE");
    box.add_plugin("c");
    ASSERT_TRUE(box.run("loop \"run=ReloadPluginConfig b\" \"run=ReloadPluginConfig c\""));
    EXPECT_THAT(box.events_of("b"),
                AllOf(Contains("listen NVSE handle 2 accepted 1"), Contains("message NVSE 18 len 0"),
                      Contains("message NVSE 25 len 2").Times(1)))
        << "those to all, and the one that was meant for c";
}

TEST(Handles, ALowerOneIsAcceptedAfterAnEarlierLoadFailed) {
    Sandbox box;
    box.override_host("NvseVersion", kBeforeReportedIsTaken);
    box.add_plugin("a", "Load=false");
    box.add_plugin("b", "Listen=NVSE\nRetry=1");
    ASSERT_TRUE(box.run("loop"));
    EXPECT_THAT(box.events_of("b"), AllOf(Contains("retry handle 1 accepted 1"), Contains("message NVSE 18 len 0")));
}

TEST(Messages, DeferredInitComesOnceThenTheMainLoopEachPass) {
    Sandbox box;
    box.add_plugin("a", "Listen=NVSE");
    ASSERT_TRUE(box.run("loop loop loop message=1"));
    EXPECT_THAT(box.events_of("a"),
                AllOf(Contains("message NVSE 18 len 0").Times(1), Contains("message NVSE 20 len 0").Times(3),
                      Contains("message NVSE 1 len 0").Times(1)));
}

TEST(Messages, OnlyTheFirstRegistrationOfAPairCounts) {
    Sandbox box;
    box.add_plugin("a", "Listen=NVSE\nTwice=1");
    ASSERT_TRUE(box.run("loop"));
    EXPECT_THAT(box.events_of("a"), AllOf(Contains("twice accepted 1"), Contains("message NVSE 20 len 0"),
                                          Not(Contains(StartsWith("second handler")))));
}

TEST(Messages, AnUnknownSenderIsRefusedAndEveryoneDoesNotIncludeTheExtender) {
    Sandbox box;
    box.add_plugin("a", "Listen=Nobody");
    box.add_plugin("b", "Listen=*");
    ASSERT_TRUE(box.run("loop"));
    EXPECT_THAT(box.events_of("a"), Contains("listen Nobody handle 1 accepted 0"));
    EXPECT_THAT(box.events_of("b"),
                AllOf(Contains("listen * handle 2 accepted 1"), Not(Contains(HasSubstr("message NVSE")))));
}

TEST(Messages, ReloadConfigReachesOnlyTheNamedPlugin) {
    Sandbox box;
    box.add_plugin("a", "Listen=NVSE");
    box.add_plugin("b", "Listen=NVSE");
    ASSERT_TRUE(box.run("\"run=ReloadPluginConfig b\""));
    EXPECT_THAT(box.events_of("b"), Contains("message NVSE 25 len 2"));
    EXPECT_THAT(box.events_of("a"), Not(Contains(HasSubstr("NVSE 25"))));
}

TEST(Commands, AreCopiedRunByNameWithoutRegardToCaseAndServeAsConditions) {
    Sandbox box;
    box.add_plugin("a", "Command=GetProbe\nOpcodeBase=0x2000\nReturnType=9");
    ASSERT_TRUE(box.run("run=getprobe eval=GetProbe run=Nothing"));
    EXPECT_THAT(box.events_of("a"), Contains("command opcode 2000 type 0"));
    EXPECT_THAT(box.output(),
                AllOf(Contains("run getprobe 1 12.5"), Contains("eval GetProbe 1 3"), Contains("run Nothing 0 -1")));
    EXPECT_THAT(box.log("nvse.log"), HasSubstr("default opcode base 2000"));
}

TEST(Commands, GetTheArgumentsOfTheirLineByTheirTypes) {
    Sandbox box;
    box.add_plugin("a", "Command=Take\nOpcodeBase=0x2000\nArguments=1");
    ASSERT_TRUE(box.run("\"run=Take word -7 2.5\" run=Take \"run=Take alone\" \"run=Take more 12x\""));
    EXPECT_THAT(box.events_of("a"),
                AllOf(Contains("arguments 1 [word] -7 2.5 moved 22"), Contains("arguments 1 [alone] -1 -1 moved 9")));
    EXPECT_THAT(box.output(), AllOf(Contains("run Take word -7 2.5 1 1"), Contains("run Take 0 -1"),
                                    Contains("console 1 Missing parameter word"), Contains("run Take more 12x 0 -1"),
                                    Contains("console 1 Invalid parameter whole")));
}

TEST(Commands, OfTheExtenderItselfPrintTheirResultThroughTheGamesConsole) {
    Sandbox box;
    box.add_plugin("a");
    ASSERT_TRUE(box.run("\"run=GetPluginVersion A\""));
    EXPECT_THAT(box.output(), Contains("console 1 GetPluginVersion >> 57.00"));
}

TEST(Commands, WithoutABaseFollowThePreviousPlugin) {
    Sandbox box;
    box.add_plugin("a", "Command=GetA\nOpcodeBase=0x2100");
    box.add_plugin("b", "Command=GetB");
    ASSERT_TRUE(box.run(""));
    EXPECT_THAT(box.events_of("b"), Contains("command opcode 2101 type 0"));
}

TEST(Commands, ABaseOutsideTheRangeDisablesThePlugin) {
    Sandbox box;
    box.override_host("SkipPreload", "1");
    box.add_plugin("low", "Command=GetLow\nOpcodeBase=0x1FFF");
    box.add_plugin("high", "Command=GetHigh\nOpcodeBase=0x8000");
    ASSERT_TRUE(box.run("plugins"));
    EXPECT_THAT(box.output(), Each(Not(StartsWith("plugin "))));
    EXPECT_THAT(box.events_of("low"), Contains("unloaded"));
    EXPECT_THAT(box.events_of("high"), Contains("unloaded"));
}

TEST(Commands, PluginVersionsAreToldByName) {
    Sandbox box;
    box.add_plugin("a");
    ASSERT_TRUE(box.run("\"run=GetPluginVersion A\" \"run=GetPluginVersion none\" \"run=IsPluginInstalled a\""));
    EXPECT_THAT(box.output(), AllOf(Contains("run GetPluginVersion A 1 57"), Contains("run GetPluginVersion none 1 -1"),
                                    Contains("run IsPluginInstalled a 1 1")));
}

}  // namespace
