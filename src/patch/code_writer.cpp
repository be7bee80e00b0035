#include "patch/code_writer.h"

#include <array>
#include <cstring>

#include "os/os.h"
#include "os/process.h"

namespace mp::patch {
namespace {

using game::Addr;

struct Page {
    std::uintptr_t address = 0;
    os::OldProtection old = 0;
    bool writable = false;  ///< by us: `old` must be put back
};

/// The pages of a transaction, each with its own former protection.
class Pages {
public:
    void collect(std::span<const Edit> edits) noexcept;
    // Both go through all pages, those that refused an earlier try included. True when none refuses; else `failed`
    // receives one that did.
    bool make_writable(std::uintptr_t* failed) noexcept;
    bool protect_again(std::uintptr_t* failed) noexcept;
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] bool is_writable(const Edit& edit) const noexcept;

private:
    void add(std::uintptr_t address) noexcept;

    std::array<Page, kMaxHooks * 2> pages_{};  // an edit is shorter than a page
    std::size_t count_ = 0;
};

// Static: too big for a game thread's stack. Guarded by the caller.
constinit Pages g_pages;
constinit os::SuspendedThreads g_threads;

constexpr std::uintptr_t page_of(std::uintptr_t address) noexcept {
    return address / os::kPage * os::kPage;
}
std::uint8_t* pointer_to(Addr va) noexcept {
    return reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(va));
}
void* page_pointer(const Page& page) noexcept {
    return reinterpret_cast<void*>(page.address);
}

std::unexpected<Error> fail(Failure failure, std::uintptr_t address) noexcept {
    Error error;
    error.failure = failure;
    error.address = static_cast<Addr>(address);
    return std::unexpected(error);
}

void Pages::add(std::uintptr_t address) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (pages_[i].address == address) {
            return;
        }
    }
    pages_[count_++] = {address, 0, false};
}

void Pages::collect(std::span<const Edit> edits) noexcept {
    count_ = 0;
    for (const Edit& edit : edits) {
        if (!edit.stands) {
            add(page_of(edit.va));
            add(page_of(static_cast<std::uintptr_t>(edit.va) + edit.size - 1));
        }
    }
}

bool Pages::make_writable(std::uintptr_t* failed) noexcept {
    bool all = true;
    for (std::size_t i = 0; i < count_; ++i) {
        Page& page = pages_[i];
        if (!page.writable) {
            page.writable = os::protect(page_pointer(page), os::kPage, os::Protection::read_write, &page.old);
        }
        if (!page.writable) {
            *failed = page.address;
            all = false;
        }
    }
    return all;
}

bool Pages::protect_again(std::uintptr_t* failed) noexcept {
    bool all = true;
    for (std::size_t i = 0; i < count_; ++i) {
        Page& page = pages_[i];
        if (page.writable && os::restore_protection(page_pointer(page), os::kPage, page.old)) {
            page.writable = false;
        }
        if (page.writable) {
            *failed = page.address;
            all = false;
        }
    }
    return all;
}

bool Pages::is_writable(const Edit& edit) const noexcept {
    const std::uintptr_t first = page_of(edit.va);
    const std::uintptr_t last = page_of(static_cast<std::uintptr_t>(edit.va) + edit.size - 1);
    std::size_t found = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        const Page& page = pages_[i];
        found += page.writable && (page.address == first || page.address == last) ? 1U : 0U;
    }
    return found == (first == last ? 1U : 2U);
}

void copy_code(const Edit& edit, const std::array<std::uint8_t, game::BytePattern::kCapacity>& bytes) noexcept {
    std::memcpy(pointer_to(edit.va), bytes.data(), edit.size);
    os::flush_instruction_cache(pointer_to(edit.va), edit.size);
}

constexpr int kRollbackTries = 3;

/// Puts the former bytes back; the pages may have their former protection already.
void undo(std::span<Edit> edits) noexcept {
    std::uintptr_t failed = 0;
    for (int i = 0; i < kRollbackTries && !g_pages.make_writable(&failed); ++i) {}
    for (std::size_t i = edits.size(); i > 0; --i) {
        Edit& edit = edits[i - 1];
        if (edit.stands) {
            continue;
        }
        edit.stuck = !g_pages.is_writable(edit);
        if (!edit.stuck) {
            copy_code(edit, edit.before);
        }
    }
}

void protect_again_at_any_rate() noexcept {
    std::uintptr_t failed = 0;
    for (int i = 0; i < kRollbackTries && !g_pages.protect_again(&failed); ++i) {}
}

/// Address of the first edit whose former bytes are gone, 0 when all stand.
Addr first_changed(std::span<const Edit> edits) noexcept {
    for (const Edit& edit : edits) {
        if (!edit.stands && std::memcmp(pointer_to(edit.va), edit.before.data(), edit.size) != 0) {
            return edit.va;
        }
    }
    return 0;
}

/// With all other threads suspended.
std::expected<void, Error> write_all(std::span<Edit> edits) noexcept {
    if (const Addr changed = first_changed(edits); changed != 0) {
        return fail(Failure::foreign_change, changed);
    }
    std::uintptr_t failed = 0;
    if (!g_pages.make_writable(&failed)) {
        protect_again_at_any_rate();
        return fail(Failure::protection, failed);
    }
    for (const Edit& edit : edits) {
        if (!edit.stands) {
            copy_code(edit, edit.after);
        }
    }
    if (!g_pages.protect_again(&failed)) {
        undo(edits);
        protect_again_at_any_rate();
        return fail(Failure::protection, failed);
    }
    return {};
}

/// The edit that a suspended thread stands inside, or cannot be proven not to; nullptr when none. A thread at the very
/// first byte is fine: it has not begun yet.
const Edit* edit_in_the_way(std::span<const Edit> edits) noexcept {
    for (std::size_t i = 0; i < g_threads.count(); ++i) {
        const std::uintptr_t at = g_threads.instruction_pointer(i);
        for (const Edit& edit : edits) {
            const bool inside = at > edit.va && at - edit.va < edit.guarded;
            if (!edit.stands && !edit.is_pointer && (at == 0 || inside)) {
                return &edit;
            }
        }
    }
    return nullptr;
}

// The threads that stand in the way need a moment each to leave a handful of instructions.
constexpr int kTries = 64;
constexpr int kTriesWithoutSleep = 16;

void let_others_run(int tries_made) noexcept {
    if (tries_made < kTriesWithoutSleep) {
        os::yield_thread();
    } else {
        os::sleep_ms(1);
    }
}

}  // namespace

std::expected<void, Error> write_code(std::span<Edit> edits) noexcept {
    g_pages.collect(edits);
    if (g_pages.empty()) {
        return {};
    }
    Addr in_the_way = 0;
    for (int i = 0; i < kTries; ++i) {
        if (!g_threads.suspend()) {
            return fail(Failure::too_many_threads, 0);
        }
        const Edit* edit = edit_in_the_way(edits);
        if (edit == nullptr) {
            const std::expected<void, Error> result = write_all(edits);
            g_threads.resume();
            return result;
        }
        in_the_way = edit->va;
        g_threads.resume();
        let_others_run(i);
    }
    return fail(Failure::thread_in_the_way, in_the_way);
}

}  // namespace mp::patch
