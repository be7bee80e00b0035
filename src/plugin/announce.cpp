#include "plugin/announce.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "os/executable.h"
#include "patch/text.h"
#include "plugin/console.h"
#include "plugin/health.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/rivals.h"
#include "plugin/state.h"
#include "plugin/version.h"
#include "session/writer.h"

namespace mp::plugin {

namespace {

constexpr std::string_view kNote = "note";

/// In console, log and session.
void say(std::string_view kind, const char* line) noexcept {
    console::tell(line);
    recorder::note(kind, line);
}

constinit char g_said_verdict[kLongestVerdict] = "";

void say_verdict() noexcept {
    describe_verdict(g_said_verdict, sizeof g_said_verdict);
    say(session::kVerdict, g_said_verdict);
}

/// Calls `take(kind, line)` for each group that is not replaced.
template <typename Take>
void each_not_replaced(Take take) noexcept {
    for (const patch::GroupOutcome& outcome : activation().report.outcomes()) {
        if (outcome.state != patch::GroupOutcome::State::installed) {
            char reason[512];
            describe_outcome(outcome, reason, sizeof reason);
            char line[480];
            patch::Text(line, sizeof line)
                .add(MP_PLUGIN_NAME ": ")
                .add(game::group_name(outcome.group))
                .add(": ")
                .add(reason);
            take(is_left_to_its_owner(outcome) ? kNote : session::kWarning, line);
        }
    }
}

// --- conflicts -----------------------------------------------------------------------------------------------------

constexpr unsigned kMostSitesTold = 8;

/// What was told already: changed sites, as long as they stay changed, and the rival.
struct Told {
    std::array<game::Addr, patch::kMaxHooks> sites{};
    std::size_t count = 0;
    const char* rival = nullptr;

    [[nodiscard]] bool has(game::Addr site) const noexcept {
        const auto told = std::span(sites).first(count);
        return std::ranges::find(told, site) != told.end();
    }
};
constinit Told g_told;

void say_new_rival() noexcept {
    const char* rival = loaded_rival();
    if (rival != nullptr && rival != g_told.rival) {
        g_told.rival = rival;
        char line[256];
        patch::Text(line, sizeof line)
            .add(MP_PLUGIN_NAME ": ")
            .add(rival)
            .add(" was loaded later and replaces the same memory; remove one of the two");
        say(session::kWarning, line);
    }
}

/// Calls `take(kind, line)` for each changed site that is not among `known`, as announce.h says; how many there are.
template <typename Take>
unsigned each_change(const Told& known, Take take) noexcept {
    unsigned found = 0;
    for (const patch::Error& change : replace::changed_sites()) {
        if (!known.has(change.address) && ++found <= kMostSitesTold) {
            char text[400];
            patch::describe(change, text, sizeof text);
            char line[480];
            patch::Text(line, sizeof line).add(MP_PLUGIN_NAME ": ").add(text);
            take(was_taken_by_its_owner(change) ? kNote : session::kWarning, line);
        }
    }
    if (found > kMostSitesTold) {
        char line[64];
        patch::Text(line, sizeof line)
            .add(MP_PLUGIN_NAME ": and ")
            .add_number(found - kMostSitesTold)
            .add(" more sites of ours");
        take(session::kWarning, line);
    }
    return found;
}

bool say_new_changes() noexcept {
    const bool found = each_change(g_told, &say) != 0;
    g_told.count = 0;
    for (const patch::Error& change : replace::changed_sites()) {
        g_told.sites[g_told.count++] = change.address;
    }
    return found;
}

}  // namespace

void tell_outcomes(Tell tell) noexcept {
    each_not_replaced([tell](std::string_view /*kind*/, const char* line) { tell(line); });
}

void announce() noexcept {
    say_verdict();
    each_not_replaced(&say);
    if (os::ExecutableInfo program; os::executable_info(&program) && !program.large_address_aware) {
        say(session::kWarning, MP_PLUGIN_NAME ": the game can use 2 GB only; run the FNV 4GB Patcher");
    }
    if (second_copy_came()) {
        say(session::kWarning, MP_PLUGIN_NAME ": a second copy of it was loaded and does nothing; keep a single one in "
                                              "Data\\NVSE\\Plugins");
    }
    for (const char* fault : {activation().settings_fault, log::fault(), recorder::fault()}) {
        if (fault[0] != '\0') {
            char line[320];
            patch::Text(line, sizeof line).add(MP_PLUGIN_NAME ": ").add(fault);
            say(session::kWarning, line);
        }
    }
}

void tell_changes(Tell tell) noexcept {
    each_change({}, [tell](std::string_view /*kind*/, const char* line) { tell(line); });
}

Said look_again() noexcept {
    if (!hooks_in_place()) {
        return {};
    }
    replace::look_for_changes();
    say_new_rival();
    Said said{.changes = say_new_changes()};
    char now[kLongestVerdict];
    describe_verdict(now, sizeof now);
    said.verdict = std::strcmp(now, g_said_verdict) != 0;
    if (said.verdict) {
        say_verdict();
    }
    return said;
}

}  // namespace mp::plugin
