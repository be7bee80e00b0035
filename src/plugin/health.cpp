#include "plugin/health.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "patch/text.h"
#include "plugin/state.h"
#include "plugin/version.h"

namespace mp::plugin {

namespace {

using State = patch::GroupOutcome::State;

/// Pages that are named one by one; a line of the console holds no more.
constexpr std::size_t kPagesTold = 4;

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

/// How many functions and front doors the mode asks for, when it asks for fewer than all 17 functions on purpose.
void add_choice(patch::Text& text) noexcept {
    if (replace::patches_asked() != game::kMissionCount) {
        text.add("; chosen with sMode = ").add(mode_name(activation().settings.mode)).add(": ");
        text.add_number(replace::patches_asked()).add(" and ").add_number(replace::front_doors_asked());
        text.add(", the rest is the game's");
    }
}

bool is_all_replaced() noexcept {
    const auto outcomes = activation().report.outcomes();
    return !outcomes.empty() && replace::patch_count() == replace::patches_asked() &&
           std::ranges::all_of(outcomes,
                               [](const patch::GroupOutcome& outcome) {
                                   return outcome.state == State::installed || is_left_to_its_owner(outcome);
                               }) &&
           std::ranges::all_of(replace::changed_sites(), &was_taken_by_its_owner);
}

}  // namespace

bool is_left_to_its_owner(const patch::GroupOutcome& outcome) noexcept {
    return game::may_be_owned(outcome.group) && outcome.state == State::declined && outcome.report.owner[0] != '\0';
}

bool was_taken_by_its_owner(const patch::Error& change) noexcept {
    return game::may_be_owned(replace::group_asked(change.address)) && change.report.owner[0] != '\0';
}

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

Verdict verdict() noexcept {
    if (patch::mend_pages({}) != 0) {
        return Verdict::pages_changed;
    }
    if (activation().state != ActivationState::active) {
        return Verdict::does_nothing;
    }
    return is_all_replaced() ? Verdict::all_is_well : Verdict::works_in_part;
}

std::size_t describe_verdict(char* out, std::size_t capacity) noexcept {
    const Activation& now = activation();
    patch::Text text(out, capacity);
    char reason_text[400];
    switch (const Verdict which = verdict()) {
    case Verdict::all_is_well:
    case Verdict::works_in_part:
        text.add(MP_PLUGIN_NAME " " MP_VERSION_TEXT ": ");
        text.add(which == Verdict::all_is_well ? "all is well; " : "works in part, see " MP_PLUGIN_NAME ".log; ");
        text.add(mode_name(now.settings.mode)).add(" mode, ");
        text.add_number(replace::patch_count()).add(" of ").add_number(game::kMissionCount).add(" patches, ");
        text.add_number(replace::front_doors_taken()).add(" of ").add_number(game::kFrontDoorCount).add(" front doors");
        add_choice(text);
        break;
    case Verdict::pages_changed:
        describe_changed_pages(reason_text, sizeof reason_text);
        text.add(MP_PLUGIN_NAME " " MP_VERSION_TEXT ": ").add(reason_text);
        break;
    case Verdict::does_nothing:
        text.add(MP_PLUGIN_NAME " does nothing: ");
        if (now.state == ActivationState::refused_other) {
            text.add(now.rival).add(" replaces the same memory; remove one of the two");
        } else {
            text.add(reason(now.state));
        }
        if (now.report.has_error()) {
            patch::describe(now.report.error, reason_text, sizeof reason_text);
            text.add(": ").add(reason_text);
        }
        break;
    }
    return text.length();
}

const char* outcome_name(const patch::GroupOutcome* outcome) noexcept {
    constexpr const char* kNames[] = {"replaced", "declined", "not needed", "failed"};
    if (outcome != nullptr && is_left_to_its_owner(*outcome)) {
        return "left to its owner";
    }
    return outcome != nullptr ? kNames[static_cast<std::size_t>(outcome->state)] : "not asked for";
}

std::size_t describe_outcome(const patch::GroupOutcome& outcome, char* out, std::size_t capacity) noexcept {
    const char* name = outcome_name(&outcome);
    char reason[512];
    int written = 0;
    switch (outcome.state) {
    case State::installed:
        written = std::snprintf(out, capacity, "%s; %u sites, proven", name, unsigned{outcome.sites});
        break;
    case State::declined:
        if (is_left_to_its_owner(outcome)) {
            written = std::snprintf(out, capacity, "%s; %s owns 0x%08X", name, outcome.report.owner.data(),
                                    unsigned{outcome.report.site});
            break;
        }
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

}  // namespace mp::plugin
