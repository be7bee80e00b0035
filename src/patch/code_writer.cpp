#include "patch/code_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "os/os.h"
#include "os/process.h"

namespace mp::patch {
namespace {

using game::Addr;

struct Page {
    std::uintptr_t address = 0;
    std::optional<PageAccess> former;
    os::OldProtection old = 0;  ///< the system's value for `former`
    bool has_old = false;
    bool changed = false;  ///< its protection must be given back
    bool taken = false;    ///< by the transaction that runs; else only kept from an earlier one
};

// A refusal may pass: other threads stand still and nobody executes the pages meanwhile.
constexpr int kProtectionTries = 8;

/// The pages of a transaction, each with its own former protection. A page that could not be given it back stays here,
/// and with it what it was, until it is as before.
class Pages {
public:
    /// False when there are too many.
    bool collect(std::span<const Hook> hooks) noexcept;
    /// Stops at the first page that refuses; `failed` receives it.
    bool make_writable(std::uintptr_t* failed) noexcept;
    /// Goes on where a page refuses.
    void make_writable_at_any_rate() noexcept;
    /// Several tries. False when a page refuses; `failed` receives it.
    bool give_back(std::uintptr_t* failed) noexcept;
    /// The same; what refuses in spite of all becomes executable at least.
    void give_back_at_any_rate() noexcept;
    /// Whether this transaction made all of the hook's pages writable, and they still are.
    [[nodiscard]] bool is_writable(const Hook& hook) noexcept;
    /// Looks at all pages; counts those that are not as before.
    std::size_t compare() noexcept;
    /// Those that are not as before, after a last try.
    std::size_t mend(std::span<ChangedPage> out) noexcept;

private:
    [[nodiscard]] Page* find(std::uintptr_t address) noexcept;
    bool add(std::uintptr_t address) noexcept;
    [[nodiscard]] std::span<Page> all() noexcept { return {pages_.data(), count_}; }

    std::array<Page, kMaxHooks * 4> pages_{};  // a hook is shorter than a page; as many again from before
    std::size_t count_ = 0;
};

// Static: too big for a game thread's stack. Guarded by the caller.
constinit Pages g_pages;
constinit bool g_room = true;  ///< for the pages of the transaction
constinit os::SuspendedThreads g_threads;

constexpr std::uintptr_t page_of(std::uintptr_t address) noexcept {
    return address / os::kPage * os::kPage;
}
std::uintptr_t last_page_of(const Hook& hook) noexcept {
    return page_of(static_cast<std::uintptr_t>(hook.va()) + hook.size - 1);
}
std::uint8_t* pointer_to(Addr va) noexcept {
    return reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(va));
}
void* page_pointer(const Page& page) noexcept {
    return reinterpret_cast<void*>(page.address);
}

/// As the system shows it, whatever was asked for; nothing when it cannot be looked at. What was asked for counts then.
std::optional<PageAccess> access_of(std::uintptr_t page) noexcept {
    os::RegionInfo region;
    if (!os::query(reinterpret_cast<const void*>(page), &region)) {
        return std::nullopt;
    }
    return PageAccess{region.readable, region.writable, region.executable};
}

/// Nothing when the page cannot be looked at, now or before.
std::optional<bool> is_as_before(const Page& page) noexcept {
    const auto now = access_of(page.address);
    return now && page.former ? std::optional(*now == *page.former) : std::nullopt;
}

Error fail(Failure failure, std::uintptr_t address) noexcept {
    return {.failure = failure, .address = static_cast<Addr>(address)};
}

const Hook::Bytes& bytes_before(const Hook& hook, Direction direction) noexcept {
    return direction == Direction::in ? hook.former : hook.written;
}
const Hook::Bytes& bytes_after(const Hook& hook, Direction direction) noexcept {
    return direction == Direction::in ? hook.written : hook.former;
}

bool make_writable(Page& page) noexcept {
    const auto former = access_of(page.address);
    if (page.changed && former && former->writable) {
        return true;
    }
    os::OldProtection old = 0;
    if (!os::protect(page_pointer(page), os::kPage, os::Protection::read_write, &old)) {
        return false;
    }
    if (!page.changed) {
        page.former = former;
        page.old = old;
        page.has_old = true;
        page.changed = true;
    }
    const auto now = access_of(page.address);
    return !now || now->writable;  // seen where it can be: the next step is to write there
}

bool give_back(Page& page) noexcept {
    if (page.changed && page.has_old) {
        const bool done = os::restore_protection(page_pointer(page), os::kPage, page.old);
        page.changed = !is_as_before(page).value_or(done);
    }
    return !page.changed;
}

/// Another request than the one that is refused, with what matters most to the game: that its code can be executed.
void make_executable(Page& page) noexcept {
    const auto now = access_of(page.address);
    if (page.changed && page.former.value_or(PageAccess{}).executable && !(now && now->executable)) {
        os::protect(page_pointer(page), os::kPage, os::Protection::execute_read, nullptr);
        page.changed = !is_as_before(page).value_or(false);
    }
}

Page* Pages::find(std::uintptr_t address) noexcept {
    for (Page& page : all()) {
        if (page.address == address) {
            return &page;
        }
    }
    return nullptr;
}

bool Pages::add(std::uintptr_t address) noexcept {
    if (Page* page = find(address); page != nullptr) {
        page->taken = true;
        return true;
    }
    if (count_ == pages_.size()) {
        return false;
    }
    pages_[count_++] = {.address = address, .former = access_of(address), .taken = true};
    return true;
}

bool Pages::collect(std::span<const Hook> hooks) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        if (pages_[i].changed) {
            pages_[kept] = pages_[i];
            pages_[kept++].taken = false;
        }
    }
    count_ = kept;
    bool room = true;
    for (const Hook& hook : hooks) {
        if (hook.planned) {
            room = add(page_of(hook.va())) && add(last_page_of(hook)) && room;
        }
    }
    return room;
}

bool Pages::make_writable(std::uintptr_t* failed) noexcept {
    for (Page& page : all()) {
        if (page.taken && !patch::make_writable(page)) {
            *failed = page.address;
            return false;
        }
    }
    return true;
}

void Pages::make_writable_at_any_rate() noexcept {
    for (Page& page : all()) {
        for (int i = 0; i < kProtectionTries && page.taken && !patch::make_writable(page); ++i) {}
    }
}

bool Pages::give_back(std::uintptr_t* failed) noexcept {
    bool all_back = true;
    for (Page& page : all()) {
        for (int i = 0; i < kProtectionTries && page.taken && !patch::give_back(page); ++i) {}
        if (page.taken && page.changed) {
            *failed = page.address;
            all_back = false;
        }
    }
    return all_back;
}

void Pages::give_back_at_any_rate() noexcept {
    std::uintptr_t failed = 0;
    if (!give_back(&failed)) {
        for (Page& page : all()) {
            make_executable(page);
        }
    }
}

bool Pages::is_writable(const Hook& hook) noexcept {
    const auto is_writable = [this](std::uintptr_t address) {
        const Page* page = find(address);
        return page != nullptr && page->changed && access_of(address).value_or(PageAccess{.writable = true}).writable;
    };
    return is_writable(page_of(hook.va())) && is_writable(last_page_of(hook));
}

std::size_t Pages::compare() noexcept {
    std::size_t different = 0;
    for (Page& page : all()) {
        const auto same = is_as_before(page);
        page.changed = !same.value_or(!page.changed);
        different += same.value_or(false) ? 0 : 1;
    }
    return different;
}

std::size_t Pages::mend(std::span<ChangedPage> out) noexcept {
    std::size_t count = 0;
    for (Page& page : all()) {
        if (!patch::give_back(page)) {
            make_executable(page);
        }
        if (page.changed && count++ < out.size()) {
            out[count - 1] = {static_cast<Addr>(page.address), page.former.value_or(PageAccess{}),
                              access_of(page.address).value_or(PageAccess{})};
        }
    }
    return count;
}

void copy_code(const Hook& hook, const Hook::Bytes& bytes) noexcept {
    std::memcpy(pointer_to(hook.va()), bytes.data(), hook.size);
    os::flush_instruction_cache(pointer_to(hook.va()), hook.size);
}

/// The bytes of a planned hook could be read when it was planned, and the game's code does not go away.
bool are_there(const Hook& hook, const Hook::Bytes& bytes) noexcept {
    return std::memcmp(pointer_to(hook.va()), bytes.data(), hook.size) == 0;
}

/// Address of the first planned hook where the bytes from before are gone, 0 when all are there.
Addr first_changed(std::span<const Hook> hooks, Direction direction) noexcept {
    for (const Hook& hook : hooks) {
        if (hook.planned && !are_there(hook, bytes_before(hook, direction))) {
            return hook.va();
        }
    }
    return 0;
}

/// In order on the way in, backwards on the way out.
void write_bytes(std::span<const Hook> hooks, Direction direction, bool (*wanted)(const Hook&)) noexcept {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const Hook& hook = hooks[direction == Direction::in ? i : hooks.size() - 1 - i];
        if (hook.planned && wanted(hook)) {
            copy_code(hook, bytes_after(hook, direction));
        }
    }
}

/// Puts the bytes from before back where the system lets us; the pages may have their former protection already.
void undo(std::span<const Hook> hooks, Direction direction) noexcept {
    g_pages.make_writable_at_any_rate();
    write_bytes(hooks, direction == Direction::in ? Direction::out : Direction::in,
                [](const Hook& hook) { return g_pages.is_writable(hook); });
}

/// With all other threads suspended.
Error write_all(std::span<Hook> hooks, Direction direction) noexcept {
    if (const Addr changed = first_changed(hooks, direction); changed != 0) {
        return fail(Failure::foreign_change, changed);
    }
    std::uintptr_t failed = 0;
    if (!g_pages.make_writable(&failed)) {
        g_pages.give_back_at_any_rate();
        return fail(Failure::protection, failed);
    }
    write_bytes(hooks, direction, [](const Hook&) { return true; });
    if (!g_pages.give_back(&failed)) {
        undo(hooks, direction);
        g_pages.give_back_at_any_rate();
        return fail(Failure::protection, failed);
    }
    return {};
}

/// The planned hook that a suspended thread stands inside, or cannot be proven not to; nullptr when none. A thread at
/// the very first byte is fine: it has not begun yet.
const Hook* hook_in_the_way(std::span<const Hook> hooks) noexcept {
    for (std::size_t i = 0; i < g_threads.count(); ++i) {
        const std::uintptr_t at = g_threads.instruction_pointer(i);
        for (const Hook& hook : hooks) {
            const bool inside = at > hook.va() && at - hook.va() < hook.guarded;
            if (hook.planned && hook.site != nullptr && (at == 0 || inside)) {
                return &hook;
            }
        }
    }
    return nullptr;
}

/// One try. True when the transaction came to an end; `result` says to which.
bool try_to_write(std::span<Hook> hooks, Direction direction, Error& result) noexcept {
    using enum os::SuspendedThreads::Result;
    const os::SuspendedThreads::Result suspended = g_threads.suspend();
    if (suspended == refused) {
        result = fail(Failure::thread_refused, 0);
        result.thread = g_threads.refused_thread();
        return false;
    }
    if (suspended == too_many) {
        result = fail(Failure::too_many_threads, 0);
        return true;
    }
    const Hook* hook = hook_in_the_way(hooks);
    result = hook == nullptr ? write_all(hooks, direction) : fail(Failure::thread_in_the_way, hook->va());
    g_threads.resume();
    return hook == nullptr;
}

// The threads that stand in the way need a moment each to leave a handful of instructions, one that is ending to end.
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

void look_before(std::span<const Hook> hooks) noexcept {
    g_room = g_pages.collect(hooks);
}

Error write_code(std::span<Hook> hooks, Direction direction) noexcept {
    if (std::ranges::none_of(hooks, &Hook::planned)) {
        return {};
    }
    if (!g_room) {
        return fail(Failure::protection, 0);
    }
    Error result;
    for (int i = 0; i < kTries && !try_to_write(hooks, direction, result); ++i) {
        let_others_run(i);
    }
    if (result.failure == Failure::none) {
        for (Hook& hook : hooks) {
            hook.stands = hook.planned ? direction == Direction::in : hook.stands;
        }
    }
    return result;
}

Aftermath look_after(std::span<Hook> hooks, Direction direction) noexcept {
    Aftermath aftermath{.looked = true};
    for (Hook& hook : hooks) {
        if (!hook.planned) {
            continue;
        }
        hook.stands = direction == Direction::out;  // as before, unless the transaction's bytes are found
        if (are_there(hook, bytes_before(hook, direction))) {
            continue;
        }
        if (are_there(hook, bytes_after(hook, direction))) {
            hook.stands = direction == Direction::in;
            ++aftermath.standing;
        } else {
            ++aftermath.foreign;
        }
    }
    aftermath.pages = static_cast<std::uint8_t>(g_pages.compare());
    return aftermath;
}

std::size_t mend(std::span<ChangedPage> out) noexcept {
    return g_pages.mend(out);
}

}  // namespace mp::patch
