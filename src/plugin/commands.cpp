#include "plugin/commands.h"

#include <array>
#include <utility>

#include "alloc/mp_alloc.h"
#include "plugin/activation.h"
#include "plugin/console.h"
#include "plugin/health.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "replace/counters.h"
#include "replace/install.h"

namespace mp::plugin {

namespace {

struct Command {
    const char* name;
    const char* alias;
    const char* help;
    double (*value)();
    void (*details)() = nullptr;  ///< what else the console is told; nullptr = nothing
};

void print_line(const char* line) {
    console::print("%s", line);
}

void print_front_doors() {
    console::print("%u of %u front doors of the game's heaps are replaced; %u groups were declined",
                   unsigned{replace::front_doors_taken()}, unsigned{replace::kFrontDoorCount},
                   unsigned{declined_groups()});
    tell_declined_groups(&print_line);
}

bool all_is_well() noexcept {
    return replace::patch_count() == game::kMissionCount && declined_groups() == 0;
}

void print_report() {
    const replace::Statistics statistics = replace::statistics();
    mp_alloc_stats allocator{};
    mp_stats(&allocator);
    const auto megabytes = [](std::uint64_t bytes) { return static_cast<unsigned>(bytes >> 20); };
    const recorder::AddressSpace space = recorder::look_at_address_space();
    console::print("mode %s, %u of %u functions replaced, health: %s", mode_name(activation().settings.mode),
                   unsigned{replace::patch_count()}, unsigned{game::kMissionCount},
                   all_is_well()      ? "good"
                   : hooks_in_place() ? "partial"
                                      : "inactive");
    console::print("%llu allocations, %llu frees, %lld kernel calls saved",
                   static_cast<unsigned long long>(statistics.total_allocations),
                   static_cast<unsigned long long>(statistics.total_frees),
                   static_cast<long long>(statistics.saved_syscalls));
    console::print("plugin: %u MB committed, %u MB of it free; game: %u MB committed",
                   megabytes(allocator.committed_bytes), megabytes(allocator.free_bytes), megabytes(space.committed));
    if (space.largest_hole) {
        console::print("largest hole in the address space: %u MB", megabytes(*space.largest_hole));
    }
    if (recorder::page_path()[0] != '\0') {
        recorder::request_page();
        console::print("report: %s", recorder::page_path());
    }
}

/// The command table. The order fixes the opcodes, which are compiled into scripts: only ever append.
constexpr std::array<Command, kCommandCount> kCommands{{
    {"GetTotalAllocations", "", "Blocks, buffers and regions that MemoryPoolNVSE handed to the game in this session.",
     [] { return static_cast<double>(replace::statistics().total_allocations); }},
    {"GetTotalFrees", "", "Blocks, buffers and regions that the game gave back to MemoryPoolNVSE in this session.",
     [] { return static_cast<double>(replace::statistics().total_frees); }},
    {"GetSavedSyscalls", "",
     "Kernel calls that the game's own code would have made, minus those that MemoryPoolNVSE made.",
     [] { return static_cast<double>(replace::statistics().saved_syscalls); }},
    {"GetPatchCount", "", "Functions of the game's memory system that are replaced; 17 when all is well.",
     [] { return static_cast<double>(replace::patch_count()); }},
    {"IsMemorySystemActive", "", "1 when MemoryPoolNVSE is active, 0 when the game runs with its own memory system.",
     [] { return hooks_in_place() ? 1.0 : 0.0; }},
    {"GetFrontDoorCount", "", "Front doors of the game's heaps that are replaced; names the groups that were declined.",
     [] { return static_cast<double>(replace::front_doors_taken()); }, &print_front_doors},
    {"MemoryPoolReport", "mpreport",
     "A few lines on how the session goes; writes the page of charts. 1 when all is well.",
     [] { return all_is_well() ? 1.0 : 0.0; }, &print_report},
}};

template <std::size_t Index>
bool execute(nvse::ParamInfo* /*params*/, void* /*script_data*/, void* /*this_ref*/, void* /*containing_ref*/,
             void* /*script*/, void* /*event_list*/, double* result, std::uint32_t* /*opcode_offset*/) {
    const double value = kCommands[Index].value();
    if (result != nullptr) {
        *result = value;
    }
    if (console::is_executing()) {
        console::print("%s >> %.0f", kCommands[Index].name, value);
        if (kCommands[Index].details != nullptr) {
            kCommands[Index].details();
        }
    }
    return true;
}

template <std::size_t Index>
bool evaluate(void* /*this_ref*/, void* /*arg1*/, void* /*arg2*/, double* result) {
    *result = kCommands[Index].value();
    return true;
}

/// xNVSE copies the structure but keeps the strings.
template <std::size_t Index>
void register_one(const nvse::Interface& extender) noexcept {
    nvse::CommandInfo info{};
    info.long_name = kCommands[Index].name;
    info.short_name = kCommands[Index].alias;
    info.help = kCommands[Index].help;
    info.execute = &execute<Index>;
    info.eval = &evaluate<Index>;
    info.flags = nvse::CommandInfo::kUsableAsCondition;
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
    // A development base: a released plugin needs a range of its own from the xNVSE team.
    extender.set_opcode_base(nvse::kDevelopmentOpcodeBase);
    register_all(extender, std::make_index_sequence<kCommandCount>{});
}

double command_value(std::size_t index) noexcept {
    return kCommands[index].value();
}
const char* command_name(std::size_t index) noexcept {
    return kCommands[index].name;
}

}  // namespace mp::plugin
