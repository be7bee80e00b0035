#include "plugin/health.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "patch/text.h"
#include "plugin/activation.h"
#include "plugin/rivals.h"
#include "plugin/version.h"
#include "replace/install.h"

namespace mp::plugin {

namespace {

using State = replace::GroupOutcome::State;

std::span<const replace::GroupOutcome> outcomes() noexcept {
    const replace::InstallReport& report = activation().report;
    return {report.groups.data(), report.group_count};
}

std::size_t describe_active(char* out, std::size_t capacity) noexcept {
    const char* mode = mode_name(activation().settings.mode);
    const char* verdict = all_is_well() ? "all is well" : "works in part, see " MP_PLUGIN_NAME ".log";
    patch::Text text(out, capacity);
    text.add(MP_PLUGIN_NAME " " MP_VERSION_TEXT ": ").add(verdict).add("; ").add(mode).add(" mode, ");
    text.add_number(replace::patch_count()).add(" of ").add_number(game::kMissionCount).add(" patches, ");
    text.add_number(replace::front_doors_taken()).add(" of ").add_number(game::kFrontDoorCount).add(" front doors");
    char chosen[kLongestChoice];
    if (describe_choice(chosen, sizeof chosen) != 0) {
        text.add("; ").add(chosen);
    }
    return text.length();
}

/// Pages that are named one by one; a line of the console holds no more.
constexpr std::size_t kPagesTold = 4;

/// A door that another plugin owns and whose calls reach ours all the same.
bool is_left_to_its_owner(const replace::GroupOutcome& outcome) noexcept {
    return game::may_be_owned(outcome.group) && outcome.state == State::declined && outcome.report.owner[0] != '\0';
}

/// The same for a door that its owner took after us.
bool was_taken_by_its_owner(const patch::Error& change) noexcept {
    return game::may_be_owned(replace::installed_group(change.address)) && change.report.owner[0] != '\0';
}

/// Why nothing is replaced.
const char* reason(ActivationState state) noexcept {
    switch (state) {
    case ActivationState::switched_off:
        return "switched off by its settings";
    case ActivationState::refused_image:
        return "this program is not version 1.4.0.525 as it expects";
    case ActivationState::nothing_fits:
        return "no group could be replaced";
    default:
        return "not activated";
    }
}

void describe_declined(const replace::GroupOutcome& outcome, char* out, std::size_t capacity) noexcept {
    const std::string_view name = game::group_name(outcome.group);
    const int width = static_cast<int>(name.size());
    if (outcome.state == State::declined && outcome.report.owner[0] != '\0') {
        std::snprintf(out, capacity, MP_PLUGIN_NAME ": %.*s left to %s, which owns 0x%08X", width, name.data(),
                      outcome.report.owner.data(), unsigned{outcome.report.site});
    } else if (outcome.state == State::declined) {
        std::snprintf(out, capacity, MP_PLUGIN_NAME ": %.*s left to the game, 0x%08X is not as expected", width,
                      name.data(), unsigned{outcome.report.site});
    } else {
        std::snprintf(out, capacity, MP_PLUGIN_NAME ": %.*s left to the game", width, name.data());
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

bool tell_new_rival(Tell tell) noexcept {
    const char* rival = loaded_rival();
    if (rival == nullptr || rival == g_told.rival) {
        return false;
    }
    g_told.rival = rival;
    tell_line(tell, MP_PLUGIN_NAME ": %s was loaded later and replaces the same memory; remove one of the two", rival);
    return true;
}

void tell_change(const patch::Error& change, Tell tell) noexcept {
    char text[400];
    patch::describe(change, text, sizeof text);
    tell_line(tell, MP_PLUGIN_NAME ": %s", text);
}

bool tell_new_changes(Tell tell) noexcept {
    Told now{.rival = g_told.rival};
    unsigned found = 0;
    for (const patch::Error& change : replace::changed_sites()) {
        now.sites[now.count++] = change.address;
        if (!g_told.has(change.address) && ++found <= kMostSitesTold) {
            tell_change(change, tell);
        }
    }
    g_told = now;
    if (found > kMostSitesTold) {
        tell_line(tell, MP_PLUGIN_NAME ": and %u more sites of ours", found - kMostSitesTold);
    }
    return found != 0;
}

}  // namespace

std::size_t describe_changed_pages(char* out, std::size_t capacity) noexcept {
    std::array<patch::ChangedPage, kPagesTold> pages;
    const std::size_t count = patch::mend_pages(pages);
    if (count == 0) {
        return 0;
    }
    patch::Text text(out, capacity);
    text.add_number(static_cast<std::uint32_t>(count))
        .add(" pages of the game could not be given their protection back:");
    for (std::size_t i = 0; i < count && i < pages.size(); ++i) {
        char page[64];
        patch::describe(pages[i], page, sizeof page);
        text.add(" ").add(page);
    }
    return text.add(count > pages.size() ? " ..." : "").add("; save and restart").length();
}

std::size_t describe_choice(char* out, std::size_t capacity) noexcept {
    const replace::InstallReport& report = activation().report;
    if (report.group_count == 0 || report.patches_asked() == game::kMissionCount) {
        return 0;
    }
    return static_cast<std::size_t>(std::snprintf(
        out, capacity, "chosen with sMode = %s: %u and %u, the rest is the game's",
        mode_name(activation().settings.mode), unsigned{report.patches_asked()}, unsigned{report.front_doors_asked()}));
}

std::size_t describe_health(char* out, std::size_t capacity) noexcept {
    const Activation& now = activation();
    char pages[400];
    if (describe_changed_pages(pages, sizeof pages) != 0) {
        return static_cast<std::size_t>(std::snprintf(out, capacity, MP_PLUGIN_NAME " " MP_VERSION_TEXT ": %s", pages));
    }
    if (now.state == ActivationState::active) {
        return describe_active(out, capacity);
    }
    if (now.state == ActivationState::refused_other) {
        return static_cast<std::size_t>(std::snprintf(
            out, capacity, MP_PLUGIN_NAME " does nothing: %s replaces the same memory; remove one of the two",
            now.rival));
    }
    if (now.report.has_error) {
        char error[256];
        patch::describe(now.report.error, error, sizeof error);
        return static_cast<std::size_t>(
            std::snprintf(out, capacity, MP_PLUGIN_NAME " does nothing: %s: %s", reason(now.state), error));
    }
    return static_cast<std::size_t>(
        std::snprintf(out, capacity, MP_PLUGIN_NAME " does nothing: %s", reason(now.state)));
}

bool all_is_well() noexcept {
    return patch::mend_pages({}) == 0 && !outcomes().empty() &&
           replace::patch_count() == activation().report.patches_asked() &&
           std::ranges::all_of(outcomes(),
                               [](const replace::GroupOutcome& outcome) {
                                   return outcome.state == State::installed || is_left_to_its_owner(outcome);
                               }) &&
           std::ranges::all_of(replace::changed_sites(), &was_taken_by_its_owner);
}

const char* outcome_name(const replace::GroupOutcome* outcome) noexcept {
    constexpr const char* kNames[] = {"replaced", "declined", "not needed", "failed"};
    return outcome != nullptr ? kNames[static_cast<std::size_t>(outcome->state)] : "not asked for";
}

std::size_t describe_outcome(const replace::GroupOutcome& outcome, char* out, std::size_t capacity) noexcept {
    const char* name = outcome_name(&outcome);
    char reason[512];
    int written = 0;
    switch (outcome.state) {
    case State::installed:
        written = std::snprintf(out, capacity, "%s; %u sites, proven", name, unsigned{outcome.sites});
        break;
    case State::declined:
        patch::describe(outcome.report, reason, sizeof reason);
        written = std::snprintf(out, capacity, "%s; %u of %u sites differ; first: %s", name,
                                unsigned{outcome.mismatches}, unsigned{outcome.sites}, reason);
        break;
    case State::not_needed:
        written = std::snprintf(out, capacity, "%s; a group that it builds on was declined", name);
        break;
    case State::failed:
        written = std::snprintf(out, capacity, "%s; the transaction did not go through; %u of %u sites stay replaced",
                                name, unsigned{outcome.standing}, unsigned{outcome.sites});
        break;
    }
    return static_cast<std::size_t>(written);
}

std::uint32_t declined_groups() noexcept {
    std::uint32_t declined = 0;
    for (const replace::GroupOutcome& outcome : outcomes()) {
        declined += outcome.state != State::installed ? 1 : 0;
    }
    return declined;
}

void tell_declined_groups(Tell tell) noexcept {
    for (const replace::GroupOutcome& outcome : outcomes()) {
        if (outcome.state != State::installed) {
            char line[256];
            describe_declined(outcome, line, sizeof line);
            tell(line);
        }
    }
}

bool tell_new_conflicts(Tell tell) noexcept {
    if (!hooks_in_place()) {
        return false;
    }
    replace::look_for_changes();
    const bool new_rival = tell_new_rival(tell);
    return tell_new_changes(tell) || new_rival;
}

}  // namespace mp::plugin
