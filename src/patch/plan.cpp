#include "patch/plan.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "patch/decode.h"

namespace mp::patch {
namespace {

using game::Addr;

constexpr std::uint8_t kJumpOpcode = 0xE9;
constexpr std::uint8_t kNop = 0x90;

/// The game's idea of an address of ours; 0 when it has none (64-bit builds of the tests).
Addr game_address(const void* pointer) noexcept {
    const auto value = reinterpret_cast<std::uintptr_t>(pointer);
    return value > std::numeric_limits<Addr>::max() ? 0 : static_cast<Addr>(value);
}

/// The jump to the replacement, and the instructions that it displaces. False when these cannot be read (any more).
bool make_jump(Hook& hook, const SiteReport& report, const Image& image, Addr target) noexcept {
    hook.size = report.displaced;
    // A thread anywhere in a function that jumps back into its start would run into our jump.
    hook.guarded = report.start_is_entered ? hook.site->size : hook.size;
    const std::uint8_t* code = image.at(hook.site->va, hook.size);
    if (code == nullptr) {
        return false;
    }
    std::memcpy(hook.former.data(), code, hook.size);
    hook.written.fill(kNop);
    encode_jump(hook.site->va, target, hook.written.data());
    return true;
}

void make_pointer(Hook& hook, Addr target) noexcept {
    hook.size = sizeof(Addr);
    hook.guarded = hook.size;
    hook.original_value = reinterpret_cast<void*>(static_cast<std::uintptr_t>(hook.slot->expected));
    std::memcpy(hook.former.data(), &hook.slot->expected, sizeof(Addr));
    std::memcpy(hook.written.data(), &target, sizeof(Addr));
}

/// Proves the place of a hook and fills in what is to change there.
SiteReport examine(Hook& hook, const Image& image, Walk& walk) noexcept {
    SiteReport report = hook.site != nullptr ? verify(*hook.site, image, walk) : verify(*hook.slot, image);
    if (report.finding == Finding::ok && report.start_is_entered && hook.original != nullptr) {
        report.finding = Finding::start_entered;  // the original would jump into our jump
    }
    hook.proof = report.finding == Finding::ok ? report.proof : Proof::none;
    if (report.finding != Finding::ok) {
        return report;
    }
    if (hook.slot != nullptr) {
        make_pointer(hook, game_address(hook.replacement));
    } else {
        const bool pops_8 = hook.replacement_pops_8 != nullptr && report.bytes_popped == 8;
        if (!make_jump(hook, report, image, game_address(pops_8 ? hook.replacement_pops_8 : hook.replacement))) {
            report.finding = Finding::unreadable;
        }
    }
    return report;
}

bool is_in_place(const Hook& hook, const Image& image) noexcept {
    return hook.stands && bytes_stand(image, hook.va(), hook.written.data(), hook.size);
}

bool is_gone(const Hook& hook, const Image& image) noexcept {
    return bytes_stand(image, hook.va(), hook.former.data(), hook.size);
}

/// An outcome for each group of the list, in the table's order.
void list_groups(std::span<const Hook> hooks, InstallReport& report) noexcept {
    for (std::size_t i = 0; i < game::kGroupCount; ++i) {
        const auto group = static_cast<game::Group>(i);
        if (const auto sites = std::ranges::count(hooks, group, &Hook::group); sites != 0) {
            report.groups[report.group_count++] = {
                .group = group, .state = GroupOutcome::State::installed, .sites = static_cast<std::uint8_t>(sites)};
        }
    }
}

/// A site of a group of the list does not match.
void note(InstallReport& report, game::Group group, const SiteReport& site) noexcept {
    GroupOutcome& outcome = *std::ranges::find(report.outcomes(), group, &GroupOutcome::group);
    if (outcome.mismatches++ == 0) {
        outcome.state = GroupOutcome::State::declined;
        outcome.report = site;
    }
}

bool fits(const InstallReport& report, game::Group group) noexcept {
    const GroupOutcome* outcome = report.find(group);
    return outcome != nullptr && outcome->state == GroupOutcome::State::installed;
}

void leave_out_what_nothing_carries(InstallReport& report) noexcept {
    using enum game::Group;
    const bool doors = fits(report, game_heap) && fits(report, crt_heap) && fits(report, scrap_heaps);
    for (GroupOutcome& outcome : report.outcomes()) {
        if (game::needs_front_doors(outcome.group) && !doors && outcome.state == GroupOutcome::State::installed) {
            outcome.state = GroupOutcome::State::not_needed;
        }
    }
}

bool overlap(const Hook& a, const Hook& b) noexcept {
    return a.va() < b.va() ? b.va() - a.va() < a.size : a.va() - b.va() < b.size;
}

/// A hook that cannot be asked for; nullptr when all can.
const Hook* senseless(std::span<const Hook> hooks) noexcept {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const bool twice = std::ranges::count(hooks.first(i), hooks[i].va(), &Hook::va) != 0;
        if (twice || hooks[i].va() == 0 || game_address(hooks[i].replacement) == 0) {
            return &hooks[i];
        }
    }
    return nullptr;
}

/// A hook that would write over bytes of another; nullptr when none would.
const Hook* colliding(std::span<const Hook> hooks) noexcept {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        for (const Hook& other : hooks.first(i)) {
            const bool both = (hooks[i].planned || hooks[i].stands) && (other.planned || other.stands);
            if (both && overlap(hooks[i], other)) {
                return &hooks[i];
            }
        }
    }
    return nullptr;
}

/// Where a transfer at `va` leads; a jump of the hot-patch form, to another jump of the module, is followed once.
Addr final_target(const Image& image, Addr va, const Transfer& transfer) noexcept {
    if (transfer.call || !image.module_of(va).contains(transfer.target)) {
        return transfer.target;
    }
    const std::optional<Transfer> next = transfer_at(image, transfer.target);
    return next ? next->target : transfer.target;
}

/// What stands at a hook that is not in place, as far as it can be looked at.
Error change_of(const Hook& hook, const Image& image) noexcept {
    const std::uint8_t* now = image.at(hook.va(), hook.size);
    Error error{.failure = now == nullptr ? Failure::unreadable : Failure::foreign_change, .address = hook.va()};
    if (now == nullptr) {
        return error;
    }
    SiteReport& report = error.report;
    report.site = hook.va();
    report.address = hook.va();
    report.byte_count = hook.size;
    std::memcpy(report.expected.data(), hook.written.data(), hook.size);
    report.mask.fill(0xFF);
    report.finding = Finding::changed;
    report.bytes_differ = true;
    std::memcpy(report.observed.data(), now, hook.size);
    if (hook.slot != nullptr) {
        report.finding = Finding::pointer_differs;
        std::memcpy(&report.jump_target, now, sizeof report.jump_target);
    } else if (const std::optional<Transfer> transfer = transfer_at(image, hook.va())) {
        report.finding = Finding::foreign;
        report.jump_target = final_target(image, hook.va(), *transfer);
    }
    return error;
}

}  // namespace

void encode_jump(Addr from, Addr to, std::uint8_t* out) noexcept {
    const Addr distance = to - (from + static_cast<Addr>(game::kJumpSize));
    out[0] = kJumpOpcode;
    std::memcpy(out + 1, &distance, sizeof distance);
}

Error plan_install(Hooks& hooks, const Image& image, Walk& walk, InstallReport& report) noexcept {
    const Hook* bad = senseless(hooks.all());
    if (bad != nullptr || hooks.too_many()) {
        return {.failure = Failure::bad_request, .address = bad != nullptr ? bad->va() : 0};
    }
    list_groups(hooks.all(), report);
    for (Hook& hook : hooks.all()) {
        hook.planned = !is_in_place(hook, image);
        if (!hook.planned) {
            continue;
        }
        if (const SiteReport found = examine(hook, image, walk); found.finding != Finding::ok) {
            note(report, hook.group(), found);
        }
    }
    leave_out_what_nothing_carries(report);
    for (Hook& hook : hooks.all()) {
        hook.planned = hook.planned && fits(report, hook.group());
    }
    bad = colliding(hooks.all());
    return bad == nullptr ? Error{} : Error{.failure = Failure::bad_request, .address = bad->va()};
}

std::size_t plan_restore(Hooks& hooks, bool (*wanted)(const Hook&) noexcept, const Image& image,
                         std::span<Error> left_alone) noexcept {
    std::size_t foreign = 0;
    for (std::size_t i = hooks.all().size(); i > 0; --i) {
        Hook& hook = hooks.all()[i - 1];
        const bool asked = hook.stands && (wanted == nullptr || wanted(hook));
        hook.planned = asked && is_in_place(hook, image);
        if (!asked || hook.planned) {
            continue;
        }
        if (is_gone(hook, image)) {
            hook.stands = false;
        } else if (foreign++ < left_alone.size()) {
            left_alone[foreign - 1] = change_of(hook, image);
        }
    }
    return foreign;
}

std::size_t find_changes(const Hooks& hooks, const Image& image, std::span<Error> changes) noexcept {
    std::size_t count = 0;
    for (const Hook& hook : hooks.all()) {
        if (hook.stands && !is_in_place(hook, image) && count++ < changes.size()) {
            changes[count - 1] = is_gone(hook, image) ? Error{.failure = Failure::foreign_change, .address = hook.va()}
                                                      : change_of(hook, image);
        }
    }
    return count;
}

}  // namespace mp::patch
