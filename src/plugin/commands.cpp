#include "plugin/commands.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

#include "alloc/mp_alloc.h"
#include "os/background.h"
#include "os/os.h"
#include "patch/text.h"
#include "plugin/announce.h"
#include "plugin/console.h"
#include "plugin/facts_file.h"
#include "plugin/findings.h"
#include "plugin/health.h"
#include "plugin/leaks.h"
#include "plugin/listening.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/settings_change.h"
#include "plugin/state.h"
#include "plugin/tell.h"
#include "replace/install.h"
#include "replace/original_calls.h"
#include "replace/statistics.h"

namespace mp::plugin {

namespace {

/// What is written behind a command; "" for what is not.
struct Arguments {
    char text[2][nvse::kStringArgumentSize] = {};
};

constinit nvse::ParamInfo g_set_params[] = {{"key", nvse::ParamInfo::kString, 1},
                                            {"value", nvse::ParamInfo::kString, 1}};
constinit nvse::ParamInfo g_report_params[] = {{"what", nvse::ParamInfo::kString, 1}};

struct Command {
    const char* name;
    const char* alias;
    const char* help;
    /// Does the work and gives the number; tells more when somebody listens.
    double (*run)(const Arguments& arguments, Tell tell);
    std::span<nvse::ParamInfo> params = {};
    bool for_people = false;  ///< does its work in the console only: no condition
};

constinit nvse::ScriptInterface* g_scripts = nullptr;

void print_line(const char* line) {
    console::print("%s", line);
}

double front_doors(const Arguments& /*arguments*/, Tell tell) {
    if (tell != nullptr) {
        tell_line(tell, "%u of %u front doors of the game's heaps are replaced", unsigned{replace::front_doors_taken()},
                  unsigned{game::kFrontDoorCount});
        tell_outcomes(tell);
    }
    return replace::front_doors_taken();
}

// --- the report ----------------------------------------------------------------------------------------------------

/// A moment, and how many allocations there were.
struct Mark {
    std::uint64_t time_ms = 0;
    std::uint64_t allocations = 0;
    const char* name = "the start";
};
constinit Mark g_last_report;

void tell_rate(std::uint64_t allocations, Tell tell) {
    const Mark now{os::uptime_ms(), allocations, "the last report"};
    const std::uint64_t passed_ms = std::max<std::uint64_t>(now.time_ms - g_last_report.time_ms, 1);
    tell_line(tell, "%s allocations a second since %s (%.1f s), %s in all",
              Grouped((now.allocations - g_last_report.allocations) * 1000 / passed_ms).text, g_last_report.name,
              static_cast<double>(passed_ms) / 1000, Grouped(allocations).text);
    g_last_report = now;
}

void tell_memory(std::int64_t saved_kernel_calls, Tell tell) {
    mp_alloc_stats allocator{};
    mp_stats(&allocator);
    os::AddressSpace space;
    os::measure_address_space(&space);
    tell_line(tell, "plugin: %s MB in blocks of %s MB committed; game: %s MB committed",
              megabytes(replace::original::estimate().live_bytes).text, megabytes(allocator.committed_bytes).text,
              megabytes(space.committed).text);
    char hole[32] = "not known below Wine";
    if (!os::page_map_overstates()) {
        std::snprintf(hole, sizeof hole, "%s MB", megabytes(space.largest).text);
    }
    tell_line(tell, "kernel calls saved: about %s; largest hole in the address space: %s",
              Grouped(saved_kernel_calls).text, hole);
}

const char* why_not_recorded() noexcept {
    if (recorder::fault()[0] != '\0') {
        return recorder::fault();
    }
    if (!activation().settings.record_session) {
        return "bRecordSession = 0";
    }
    return recorder::session_path()[0] != '\0' ? "it has ended" : "this plugin does nothing";
}

void tell_page(const char* argument, Tell tell) {
    if (!recorder::is_recording()) {
        tell_line(tell, "page of charts: no session is being recorded (%s)", why_not_recorded());
    } else if (equal_ignoring_case(argument, "full")) {
        recorder::request_page();
        tell_line(tell, "page of charts: being written to %s", recorder::page_path());
    } else if (argument[0] != '\0') {
        tell_line(tell, "\"%s\" is no argument of MemoryPoolReport; it takes \"full\", \"leaks\", or none", argument);
    } else {
        tell_line(tell, "page of charts: %s, written %s; MemoryPoolReport full writes it now", recorder::page_path(),
                  activation().settings.page_at_exit ? "when the game ends" : "on request only");
    }
}

/// So many fit the console.
constexpr unsigned kMostLeaks = 5;

double report(const Arguments& arguments, Tell tell) {
    if (equal_ignoring_case(arguments.text[0], "leaks")) {
        return leaks::tell(kMostLeaks, tell);
    }
    const Said said = look_again();
    if (!listening::is_reached_by_name()) {
        reload_changed_settings(tell);
    }
    if (tell != nullptr) {
        if (!said.verdict) {
            char verdict[kLongestVerdict];
            describe_verdict(verdict, sizeof verdict);
            tell(verdict);
        }
        if (!said.changes) {
            tell_changes(tell);
        }
        replace::original::look_at_live_blocks();
        const replace::Statistics statistics = replace::statistics();
        tell_rate(statistics.total_allocations, tell);
        tell_memory(statistics.saved_syscalls, tell);
    }
    tell_page(arguments.text[0], tell);
    return verdict() == Verdict::all_is_well ? 1 : 0;
}

// --- settings ------------------------------------------------------------------------------------------------------

double set(const Arguments& arguments, Tell tell) {
    if (arguments.text[0][0] == '\0') {
        list_settings(tell);
        return 0;
    }
    if (arguments.text[1][0] == '\0') {
        return tell_setting(arguments.text[0], tell);
    }
    return set_setting(arguments.text[0], arguments.text[1], tell) ? 1 : 0;
}

// --- facts ---------------------------------------------------------------------------------------------------------

/// Only when somebody typed it: a script would write the file again and again.
double facts(const Arguments& /*arguments*/, Tell tell) {
    return tell != nullptr && write_facts_file(tell) ? 1 : 0;
}

/// A look at every block: for people alone.
double check(const Arguments& /*arguments*/, Tell tell) {
    return tell != nullptr ? findings::check_borders("by MemoryPoolCheck", tell) : 0;
}

// --- the table -----------------------------------------------------------------------------------------------------

/// A command that is a number and no more.
template <auto Value>
double number(const Arguments& /*arguments*/, Tell /*tell*/) {
    return static_cast<double>(Value());
}

/// The order fixes the opcodes, which are compiled into scripts: only ever append.
constexpr std::array<Command, kCommandCount> kCommands{{
    {"GetTotalAllocations", "", "Blocks, buffers and regions that MemoryPoolNVSE handed to the game in this session.",
     &number<[] { return replace::statistics().total_allocations; }>},
    {"GetTotalFrees", "", "Blocks, buffers and regions that the game gave back to MemoryPoolNVSE in this session.",
     &number<[] { return replace::statistics().total_frees; }>},
    {"GetSavedSyscalls", "",
     "Kernel calls that the game's own code would have made, minus those that MemoryPoolNVSE made.",
     &number<[] { return replace::statistics().saved_syscalls; }>},
    {"GetPatchCount", "",
     "Functions of the game's memory system that are replaced; 17 when all is well, 4 with sMode = scrap.",
     &number<&replace::patch_count>},
    {"IsMemorySystemActive", "", "1 when MemoryPoolNVSE is active, 0 when the game runs with its own memory system.",
     &number<&hooks_in_place>},
    {"GetFrontDoorCount", "", "Front doors of the game's heaps that are replaced; names the groups that are not.",
     &front_doors},
    {"MemoryPoolReport", "mpreport",
     "A few lines on how the session goes; \"full\" writes the page of charts now. 1 when all is well. \"leaks\": leak "
     "candidates of the culprit finder, and how many.",
     &report, g_report_params},
    {"MemoryPoolSet", "mpset",
     "Key and value: changes a setting until the game ends, 1 when it is in effect. A key alone: its value. Neither: "
     "lists the settings.",
     &set, g_set_params},
    {.name = "MemoryPoolFacts",
     .alias = "mpfacts",
     .help = "In the console: writes what this game's file says of every function of the site table into a text beside "
             "the log. 1 when written.",
     .run = &facts,
     .for_people = true},
    {.name = "MemoryPoolCheck",
     .alias = "mpcheck",
     .help = "In the console, with bBorders = 1: looks at the border behind every block, and tells how many were "
             "written on.",
     .run = &check,
     .for_people = true},
}};

Arguments extract(std::span<nvse::ParamInfo> params, void* script_data, void* script, void* event_list,
                  std::uint32_t* opcode_offset) noexcept {
    Arguments arguments;
    if (!params.empty() && g_scripts != nullptr && script_data != nullptr &&
        !g_scripts->extract_args(params.data(), script_data, opcode_offset, script, event_list, arguments.text[0],
                                 arguments.text[1])) {
        return {};
    }
    return arguments;
}

template <std::size_t Index>
bool execute(nvse::ParamInfo* /*params*/, void* script_data, void* /*this_ref*/, void* /*containing_ref*/, void* script,
             void* event_list, double* result, std::uint32_t* opcode_offset) {
    const bool in_console = console::is_executing();
    const Arguments arguments = extract(kCommands[Index].params, script_data, script, event_list, opcode_offset);
    if (in_console) {
        char line[sizeof arguments.text + 64];
        patch::Text text(line, sizeof line);
        text.add(kCommands[Index].name);
        for (const char* argument : arguments.text) {
            text.add(argument[0] != '\0' ? " " : "").add(argument);
        }
        recorder::note("command", line);
    }
    const double value = kCommands[Index].run(arguments, in_console ? &print_line : nullptr);
    if (result != nullptr) {
        *result = value;
    }
    if (in_console) {
        console::print("%s >> %s", kCommands[Index].name, Grouped(static_cast<std::int64_t>(value)).text);
    }
    return true;
}

template <std::size_t Index>
bool evaluate(void* /*this_ref*/, void* /*arg1*/, void* /*arg2*/, double* result) {
    *result = kCommands[Index].run({}, nullptr);
    return true;
}

/// xNVSE copies the structure but keeps the strings. Conditions have no texts as arguments: a command that takes some
/// is for scripts and the console; one for people is no condition either.
template <std::size_t Index>
void register_one(const nvse::Interface& extender) noexcept {
    constexpr const Command& kCommand = kCommands[Index];
    nvse::CommandInfo info{};
    info.long_name = kCommand.name;
    info.short_name = kCommand.alias;
    info.help = kCommand.help;
    info.param_count = static_cast<std::uint16_t>(kCommand.params.size());
    info.params = kCommand.params.data();
    info.execute = &execute<Index>;
    if (kCommand.params.empty() && !kCommand.for_people) {
        info.eval = &evaluate<Index>;
        info.flags = nvse::CommandInfo::kUsableAsCondition;
    }
    if (!extender.register_command(&info)) {
        log::line("the command %s could not be registered", info.long_name);
    }
}

template <std::size_t... Index>
void register_all(const nvse::Interface& extender, std::index_sequence<Index...> /*indices*/) noexcept {
    (register_one<Index>(extender), ...);
}

}  // namespace

void register_commands(const nvse::Interface& extender) noexcept {
    g_scripts = static_cast<nvse::ScriptInterface*>(extender.query_interface(nvse::kInterfaceScript));
    g_last_report = {.time_ms = os::uptime_ms(), .allocations = replace::statistics().total_allocations};
    // A development base: a released plugin needs a range of its own from the xNVSE team.
    extender.set_opcode_base(nvse::kDevelopmentOpcodeBase);
    log::line("commands: opcodes from 0x%04X, the base for development; that nvse.log calls it an error is expected",
              unsigned{nvse::kDevelopmentOpcodeBase});
    register_all(extender, std::make_index_sequence<kCommandCount>{});
}

double command_value(std::size_t index) noexcept {
    return kCommands[index].run({}, nullptr);
}
const char* command_name(std::size_t index) noexcept {
    return kCommands[index].name;
}

}  // namespace mp::plugin
