#include "patch/transaction.h"

#include <algorithm>
#include <array>

#include "os/os.h"
#include "os/process.h"
#include "patch/code_writer.h"
#include "patch/trampoline.h"

namespace mp::patch {
namespace {

// Static: too big for a game thread's stack. All guarded by the lock.
constinit os::ColdLock g_lock;
constinit Walk g_walk;
constinit TrampolineStore g_trampolines;
constinit std::array<TrampolineRequest, kMaxHooks> g_requests;

bool needs_trampoline(const Hook& hook) noexcept {
    return hook.planned && hook.site != nullptr && hook.original != nullptr;
}

Error prepare_trampolines(std::span<Hook> hooks) noexcept {
    std::size_t count = 0;
    for (const Hook& hook : hooks) {
        if (needs_trampoline(hook)) {
            g_requests[count++] = {hook.va(), std::span(hook.former).first(hook.size), nullptr};
        }
    }
    if (!g_trampolines.prepare(std::span(g_requests).first(count))) {
        return {.failure = Failure::trampoline_memory};
    }
    count = 0;
    for (Hook& hook : hooks) {
        if (needs_trampoline(hook)) {
            hook.original_value = g_requests[count++].address;
        }
    }
    return {};
}

void set_originals(std::span<Hook> hooks) noexcept {
    for (Hook& hook : hooks) {
        if (hook.planned && hook.original != nullptr) {
            hook.former_original = *hook.original;
            *hook.original = hook.original_value;
        }
    }
}

void put_originals_back(std::span<Hook> hooks) noexcept {
    for (Hook& hook : hooks) {
        if (hook.planned && hook.original != nullptr && !hook.stands) {
            *hook.original = hook.former_original;
        }
    }
}

Error write_planned(std::span<Hook> hooks) noexcept {
    look_before(hooks);
    if (Error error = prepare_trampolines(hooks); error.failure != Failure::none) {
        error.aftermath = look_after(hooks, Direction::in);
        return error;
    }
    set_originals(hooks);
    Error error = write_code(hooks, Direction::in);
    if (error.failure != Failure::none) {
        error.aftermath = look_after(hooks, Direction::in);
        put_originals_back(hooks);
    }
    return error;
}

void mark_failed(InstallReport& report, std::span<const Hook> hooks) noexcept {
    for (GroupOutcome& outcome : report.outcomes()) {
        if (outcome.state == GroupOutcome::State::installed) {
            outcome.state = GroupOutcome::State::failed;
            outcome.standing = static_cast<std::uint8_t>(std::ranges::count_if(
                hooks, [&](const Hook& hook) { return hook.stands && hook.group() == outcome.group; }));
        }
    }
}

InstallReport install_locked(Hooks& hooks) noexcept {
    const os::ColdLockGuard guard(g_lock);
    const ProcessImage image;
    InstallReport report;
    report.error = plan_install(hooks, image, g_walk, report);
    if (!report.has_error()) {
        report.error = write_planned(hooks.all());
    }
    if (report.has_error()) {
        mark_failed(report, hooks.all());
    }
    return report;
}

std::size_t find_locked(const Hooks& hooks, std::span<Error> changes) noexcept {
    const os::ColdLockGuard guard(g_lock);
    const ProcessImage image;
    return find_changes(hooks, image, changes);
}

std::expected<std::size_t, Error> restore_locked(Hooks& hooks, bool (*wanted)(const Hook&) noexcept,
                                                 std::span<Error> left_alone) noexcept {
    const os::ColdLockGuard guard(g_lock);
    if (!g_lock.intact()) {
        return std::unexpected(Error{.failure = Failure::interrupted});
    }
    const ProcessImage image;
    const std::size_t foreign = plan_restore(hooks, wanted, image, left_alone);
    look_before(hooks.all());
    Error error = write_code(hooks.all(), Direction::out);
    if (error.failure != Failure::none) {
        error.aftermath = look_after(hooks.all(), Direction::out);
        return std::unexpected(error);
    }
    return foreign;
}

/// With the lock free: what is written with the lock held needs the loader no more.
void ask_loader() noexcept {
    os::prepare_restore_protection();
    os::SuspendedThreads::prepare();
}

/// With the lock free: the system's loader is asked.
void name_owners(std::span<Error> errors, std::size_t count) noexcept {
    const ProcessImage image;
    for (Error& error : errors.first(std::min(errors.size(), count))) {
        name_owner(error.report, image);
    }
}

}  // namespace

InstallReport install(Hooks& hooks) noexcept {
    ask_loader();
    InstallReport report = install_locked(hooks);
    const ProcessImage image;
    for (GroupOutcome& outcome : report.outcomes()) {
        name_owner(outcome.report, image);
    }
    return report;
}

std::size_t mend_pages(std::span<ChangedPage> out) noexcept {
    const os::ColdLockGuard guard(g_lock);
    return g_lock.intact() ? mend(out) : 0;
}

std::size_t find_foreign_changes(const Hooks& hooks, std::span<Error> changes) noexcept {
    const std::size_t count = find_locked(hooks, changes);
    name_owners(changes, count);
    return count;
}

std::expected<std::size_t, Error> restore(Hooks& hooks, bool (*wanted)(const Hook&) noexcept,
                                          std::span<Error> left_alone) noexcept {
    ask_loader();
    std::expected<std::size_t, Error> result = restore_locked(hooks, wanted, left_alone);
    name_owners(left_alone, result.value_or(0));
    return result;
}

}  // namespace mp::patch
