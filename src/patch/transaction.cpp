#include "patch/transaction.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "os/os.h"
#include "os/process.h"
#include "patch/code_writer.h"
#include "patch/plan.h"
#include "patch/text.h"
#include "patch/trampoline.h"

namespace mp::patch {
namespace {

using game::Addr;

// Static: too big for a game thread's stack. All guarded by the lock.
constinit os::ColdLock g_lock;
constinit Plan g_plan;
constinit Walk g_walk;
constinit TrampolineStore g_trampolines;
constinit std::array<TrampolineRequest, kMaxHooks> g_requests;
constinit std::array<void*, kMaxHooks> g_former_originals{};

bool needs_trampoline(const Edit& edit) noexcept {
    return !edit.is_pointer && edit.original != nullptr;
}

std::expected<void, Error> prepare_trampolines(std::span<Edit> edits) noexcept {
    std::size_t count = 0;
    for (const Edit& edit : edits) {
        if (needs_trampoline(edit)) {
            g_requests[count++] = {edit.va, std::span(edit.before).first(edit.size), nullptr};
        }
    }
    if (!g_trampolines.prepare(std::span(g_requests).first(count))) {
        Error error;
        error.failure = Failure::trampoline_memory;
        return std::unexpected(error);
    }
    count = 0;
    for (Edit& edit : edits) {
        if (needs_trampoline(edit)) {
            edit.original_value = g_requests[count++].address;
        }
    }
    return {};
}

/// Also remembers the former values, in the order of the edits.
void set_originals(std::span<const Edit> edits) noexcept {
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (edits[i].original != nullptr) {
            g_former_originals[i] = *edits[i].original;
            *edits[i].original = edits[i].original_value;
        }
    }
}

void put_originals_back(std::span<const Edit> edits) noexcept {
    for (std::size_t i = edits.size(); i > 0; --i) {
        const Edit& edit = edits[i - 1];
        if (edit.original != nullptr && !edit.stuck) {
            *edit.original = g_former_originals[i - 1];
        }
    }
}

void remove(Installation& installation, Addr va) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < installation.count; ++i) {
        if (installation.hooks[i].va != va) {
            installation.hooks[kept++] = installation.hooks[i];
        }
    }
    installation.count = kept;
}

void record(Installation& installation, const Edit& edit) noexcept {
    remove(installation, edit.va);  // an entry whose bytes somebody else had taken out
    Installed& entry = installation.hooks[installation.count++];
    entry.va = edit.va;
    entry.size = edit.size;
    entry.is_pointer = edit.is_pointer;
    entry.group = edit.group;
    std::memcpy(entry.original, edit.before.data(), edit.size);
    std::memcpy(entry.written, edit.after.data(), edit.size);
}

/// After a restore: whatever is not left alone, and was not stuck, is gone.
void keep_unrestored(Installation& installation, const Image& image) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < installation.count; ++i) {
        const Installed entry = installation.hooks[i];
        if (!bytes_stand(image, entry.va, entry.original, entry.size)) {
            installation.hooks[kept++] = entry;
        }
    }
    installation.count = kept;
}

void add_failure(Text& text, const Error& error) noexcept {
    switch (error.failure) {
    case Failure::none:
        text.add("no error");
        break;
    case Failure::verification:
        break;  // the report says it all
    case Failure::trampoline_memory:
        text.add("no memory for trampolines");
        break;
    case Failure::protection:
        text.add("the protection of the page at ").add_address(error.address).add(" could not be changed");
        break;
    case Failure::thread_in_the_way:
        text.add("a thread did not leave the first bytes of ").add_address(error.address);
        break;
    case Failure::thread_refused:
        if (error.thread == 0) {
            text.add("the system did not tell all threads");
        } else {
            text.add("the thread with the id ").add_number(error.thread).add(" could not be suspended");
        }
        break;
    case Failure::too_many_threads:
        text.add("the other threads could not be suspended");
        break;
    case Failure::foreign_change:
        text.add("somebody changed the bytes at ").add_address(error.address).add(", left alone");
        break;
    case Failure::already_installed:
        text.add("another replacement of ours is in place at ").add_address(error.address);
        break;
    case Failure::interrupted:
        text.add("a thread that changed the code was ended by the process's end");
        break;
    case Failure::bad_request:
        text.add("a hook that cannot be installed, at ").add_address(error.address);
        break;
    }
}

void add_access(Text& text, const PageAccess& access) noexcept {
    text.add(access.readable ? "r" : "-").add(access.writable ? "w" : "-").add(access.executable ? "x" : "-");
}

}  // namespace

std::size_t describe(const Error& error, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    add_failure(text, error);
    if (error.report.finding == Finding::ok) {
        return text.length();
    }
    if (text.length() > 0) {
        text.add(": ");
    }
    return text.length() + describe(error.report, out + text.length(), capacity - text.length());
}

std::size_t describe(const Aftermath& aftermath, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    if (!aftermath.looked) {
        text.add("not installed");
    } else if (aftermath.untouched()) {
        text.add("nothing was changed");
    } else {
        text.add("not everything is as before: sites with the bytes that were written ").add_number(aftermath.standing);
        text.add(", with others ").add_number(aftermath.foreign);
        text.add(", pages with another protection ").add_number(aftermath.pages);
    }
    return text.length();
}

std::size_t describe(const ChangedPage& page, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    text.add_address(page.address).add(" (was ");
    add_access(text, page.former);
    text.add(", is ");
    add_access(text, page.now);
    return text.add(")").length();
}

namespace {

std::expected<void, Error> install_locked(std::span<const Hook> hooks, std::span<const PointerHook> pointers,
                                          Installation& installation) noexcept {
    const os::ColdLockGuard guard(g_lock);
    const ProcessImage image;
    if (const auto planned = plan_install(hooks, pointers, installation, image, g_walk, g_plan); !planned) {
        return planned;
    }
    const std::span<Edit> edits = g_plan.all();
    look_before(edits);
    if (auto prepared = prepare_trampolines(edits); !prepared) {
        prepared.error().aftermath = look_after(edits);
        return prepared;
    }
    set_originals(edits);
    std::expected<void, Error> written = write_code(edits);
    if (!written) {
        written.error().aftermath = look_after(edits);
        put_originals_back(edits);
    }
    for (const Edit& edit : edits) {
        if (!edit.stands && (written || edit.stuck)) {
            record(installation, edit);
        }
    }
    return written;
}

std::size_t find_locked(const Installation& installation, std::span<Error> changes) noexcept {
    const os::ColdLockGuard guard(g_lock);
    const ProcessImage image;
    std::size_t count = plan_restore(installation, image, changes, g_plan);
    for (const Installed& installed : std::span(installation.hooks, installation.count)) {
        if (bytes_stand(image, installed.va, installed.original, installed.size)) {
            if (count < changes.size()) {
                changes[count] = {.failure = Failure::foreign_change, .address = installed.va};
            }
            ++count;
        }
    }
    return count;
}

std::expected<std::size_t, Error> restore_locked(Installation& installation, std::span<Error> left_alone) noexcept {
    const os::ColdLockGuard guard(g_lock);
    if (!g_lock.intact()) {
        Error error;
        error.failure = Failure::interrupted;
        return std::unexpected(error);
    }
    const ProcessImage image;
    const std::size_t foreign = plan_restore(installation, image, left_alone, g_plan);
    look_before(g_plan.all());
    std::expected<void, Error> written = write_code(g_plan.all());
    keep_unrestored(installation, image);
    if (!written) {
        written.error().aftermath = look_after(g_plan.all());
        return std::unexpected(written.error());
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

std::expected<void, Error> install(std::span<const Hook> hooks, std::span<const PointerHook> pointers,
                                   Installation& installation) noexcept {
    ask_loader();
    std::expected<void, Error> result = install_locked(hooks, pointers, installation);
    if (!result) {
        name_owners(std::span(&result.error(), 1), 1);
    }
    return result;
}

std::size_t mend_pages(std::span<ChangedPage> out) noexcept {
    const os::ColdLockGuard guard(g_lock);
    return g_lock.intact() ? mend(out) : 0;
}

std::size_t find_foreign_changes(const Installation& installation, std::span<Error> changes) noexcept {
    const std::size_t count = find_locked(installation, changes);
    name_owners(changes, count);
    return count;
}

std::expected<std::size_t, Error> restore(Installation& installation, std::span<Error> left_alone) noexcept {
    ask_loader();
    std::expected<std::size_t, Error> result = restore_locked(installation, left_alone);
    name_owners(left_alone, result.value_or(0));
    return result;
}

}  // namespace mp::patch
