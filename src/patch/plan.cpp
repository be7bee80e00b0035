#include "patch/plan.h"

#include <cstring>
#include <limits>
#include <optional>

#include "patch/decode.h"

namespace mp::patch {
namespace {

using game::Addr;

constexpr std::uint8_t kJumpOpcode = 0xE9;
constexpr std::uint8_t kNop = 0x90;

std::unexpected<Error> fail(Failure failure, Addr address) noexcept {
    Error error;
    error.failure = failure;
    error.address = address;
    return std::unexpected(error);
}

std::unexpected<Error> fail(const SiteReport& report) noexcept {
    Error error;
    error.failure = Failure::verification;
    error.address = report.address;
    error.report = report;
    return std::unexpected(error);
}

/// The game's idea of an address of ours; nothing when it has none (64-bit builds of the tests).
std::optional<Addr> game_address(const void* pointer) noexcept {
    const auto value = reinterpret_cast<std::uintptr_t>(pointer);
    if (value == 0 || value > std::numeric_limits<Addr>::max()) {
        return std::nullopt;
    }
    return static_cast<Addr>(value);
}

const Installed* find(const Installation& installation, Addr va) noexcept {
    for (std::size_t i = 0; i < installation.count; ++i) {
        if (installation.hooks[i].va == va) {
            return &installation.hooks[i];
        }
    }
    return nullptr;
}

/// Our own former edit of the same site, when its bytes still stand in the image.
const Installed* standing(const Installation& installation, const Image& image, Addr va) noexcept {
    const Installed* installed = find(installation, va);
    if (installed == nullptr || !bytes_stand(image, va, installed->written, installed->size)) {
        return nullptr;
    }
    return installed;
}

/// What an installation is planned from.
struct Planning {
    const Installation& installation;
    const Image& image;
    Walk& walk;
};

/// The jump's own bytes are in `after` already; what it displaces beyond them becomes NOPs.
void set_size(Edit& edit, std::uint8_t size, std::uint16_t guarded) noexcept {
    edit.size = size;
    edit.guarded = guarded;
    std::memset(edit.after.data() + game::kJumpSize, kNop, size - game::kJumpSize);
}

/// Fills an edit in from the record of what stands there; an error when another replacement does.
std::expected<void, Error> keep_standing(Edit& edit, const Installed& installed) noexcept {
    if (edit.size != installed.size || std::memcmp(edit.after.data(), installed.written, edit.size) != 0) {
        return fail(Failure::already_installed, edit.va);
    }
    std::memcpy(edit.before.data(), installed.original, edit.size);
    edit.stands = true;
    return {};
}

/// The jump to the replacement, and the instructions that it displaces.
std::expected<void, Error> make_edit(const Hook& hook, const Planning& planning, Edit& edit) noexcept {
    const std::optional<Addr> target = game_address(hook.replacement);
    if (hook.site == nullptr || !target) {
        return fail(Failure::bad_request, hook.site != nullptr ? hook.site->va : 0);
    }
    const game::Site& site = *hook.site;
    edit.va = site.va;
    edit.group = site.group;
    edit.original = hook.original;
    encode_jump(site.va, *target, edit.after.data());
    if (const Installed* installed = standing(planning.installation, planning.image, site.va)) {
        set_size(edit, installed->size, installed->size);
        return keep_standing(edit, *installed);
    }
    SiteReport report = verify(site, planning.image, planning.walk);
    if (report.finding == Finding::ok && report.start_is_entered && hook.original != nullptr) {
        report.finding = Finding::start_entered;  // the original would jump into our jump
    }
    if (report.finding != Finding::ok) {
        return fail(report);
    }
    // A thread anywhere in a function that jumps back into its start would run into our jump.
    set_size(edit, report.displaced, report.start_is_entered ? site.size : report.displaced);
    std::memcpy(edit.before.data(), planning.image.at(site.va, edit.size), edit.size);
    return {};
}

std::expected<void, Error> make_edit(const PointerHook& hook, const Planning& planning, Edit& edit) noexcept {
    const std::optional<Addr> target = game_address(hook.replacement);
    if (hook.site == nullptr || !target) {
        return fail(Failure::bad_request, hook.site != nullptr ? hook.site->va : 0);
    }
    const game::PointerSite& site = *hook.site;
    edit.va = site.va;
    edit.size = sizeof(Addr);
    edit.guarded = edit.size;
    edit.is_pointer = true;
    edit.group = site.group;
    edit.original = hook.original;
    edit.original_value = reinterpret_cast<void*>(static_cast<std::uintptr_t>(site.expected));
    std::memcpy(edit.after.data(), &*target, sizeof(Addr));
    if (const Installed* installed = standing(planning.installation, planning.image, site.va)) {
        return keep_standing(edit, *installed);
    }
    const SiteReport report = verify(site, planning.image);
    if (report.finding != Finding::ok) {
        return fail(report);
    }
    std::memcpy(edit.before.data(), &site.expected, sizeof(Addr));
    return {};
}

bool overlap(Addr a, std::size_t a_size, Addr b, std::size_t b_size) noexcept {
    return a < b ? b - a < a_size : a - b < b_size;
}

/// True when `edit` shares a byte with an edit of the plan, or with a hook of ours at another address.
bool collides(const Edit& edit, Plan& plan, const Installation& installation) noexcept {
    for (const Edit& other : plan.all()) {
        if (overlap(edit.va, edit.size, other.va, other.size)) {
            return true;
        }
    }
    for (std::size_t i = 0; i < installation.count; ++i) {
        const Installed& other = installation.hooks[i];
        if (other.va != edit.va && overlap(edit.va, edit.size, other.va, other.size)) {
            return true;
        }
    }
    return false;
}

template <typename AnyHook>
std::expected<void, Error> append(const AnyHook& hook, const Planning& planning, Plan& plan) noexcept {
    Edit edit;
    if (const auto made = make_edit(hook, planning, edit); !made) {
        return made;
    }
    if (plan.count == plan.edits.size() || collides(edit, plan, planning.installation)) {
        return fail(Failure::bad_request, edit.va);
    }
    plan.edits[plan.count++] = edit;
    return {};
}

std::expected<void, Error> append_role(std::span<const Hook> hooks, Role role, const Planning& planning,
                                       Plan& plan) noexcept {
    for (const Hook& hook : hooks) {
        if (hook.role != role) {
            continue;
        }
        if (const auto appended = append(hook, planning, plan); !appended) {
            return appended;
        }
    }
    return {};
}

/// True when the new entries, those that replace an old entry of the same address left out, still fit.
bool fits(Plan& plan, const Installation& installation) noexcept {
    std::size_t count = installation.count;
    for (const Edit& edit : plan.all()) {
        count += find(installation, edit.va) == nullptr ? 1 : 0;
    }
    return count <= kMaxHooks;
}

Edit undo(const Installed& installed) noexcept {
    Edit edit;
    edit.va = installed.va;
    edit.size = installed.size;
    edit.is_pointer = installed.is_pointer;
    edit.group = installed.group;
    std::memcpy(edit.before.data(), installed.written, installed.size);
    std::memcpy(edit.after.data(), installed.original, installed.size);
    return edit;
}

/// Where a transfer at `va` leads; a jump of the hot-patch form, to another jump of the module, is followed once.
Addr final_target(const Image& image, Addr va, const Transfer& transfer) noexcept {
    if (transfer.call || !image.module_of(va).contains(transfer.target)) {
        return transfer.target;
    }
    const std::optional<Transfer> next = transfer_at(image, transfer.target);
    return next ? next->target : transfer.target;
}

Error foreign_change(const Installed& installed, const Image& image) noexcept {
    Error error;
    error.failure = Failure::foreign_change;
    error.address = installed.va;
    SiteReport& report = error.report;
    report.site = installed.va;
    report.address = installed.va;
    report.byte_count = installed.size;
    std::memcpy(report.expected.data(), installed.written, installed.size);
    report.mask.fill(0xFF);
    const std::uint8_t* now = image.at(installed.va, installed.size);
    report.finding = now == nullptr ? Finding::unreadable : Finding::changed;
    if (now == nullptr) {
        return error;
    }
    report.bytes_differ = true;
    std::memcpy(report.observed.data(), now, installed.size);
    if (installed.is_pointer) {
        report.finding = Finding::pointer_differs;
        std::memcpy(&report.jump_target, now, sizeof report.jump_target);
    } else if (const std::optional<Transfer> transfer = transfer_at(image, installed.va)) {
        report.finding = Finding::foreign;
        report.jump_target = final_target(image, installed.va, *transfer);
    }
    return error;
}

}  // namespace

void encode_jump(Addr from, Addr to, std::uint8_t* out) noexcept {
    const Addr distance = to - (from + static_cast<Addr>(game::kJumpSize));
    out[0] = kJumpOpcode;
    std::memcpy(out + 1, &distance, sizeof distance);
}

std::expected<void, Error> plan_install(std::span<const Hook> hooks, std::span<const PointerHook> pointers,
                                        const Installation& installation, const Image& image, Walk& walk,
                                        Plan& plan) noexcept {
    const Planning planning{installation, image, walk};
    plan.count = 0;
    for (const PointerHook& hook : pointers) {
        if (const auto appended = append(hook, planning, plan); !appended) {
            return appended;
        }
    }
    for (const Role role : {Role::consumer, Role::producer}) {
        if (const auto appended = append_role(hooks, role, planning, plan); !appended) {
            return appended;
        }
    }
    if (!fits(plan, installation)) {
        return fail(Failure::bad_request, 0);
    }
    return {};
}

std::size_t plan_restore(const Installation& installation, const Image& image, std::span<Error> left_alone,
                         Plan& plan) noexcept {
    plan.count = 0;
    std::size_t foreign = 0;
    for (std::size_t i = installation.count; i > 0; --i) {
        const Installed& installed = installation.hooks[i - 1];
        if (bytes_stand(image, installed.va, installed.written, installed.size)) {
            plan.edits[plan.count++] = undo(installed);
        } else if (!bytes_stand(image, installed.va, installed.original, installed.size)) {
            if (foreign < left_alone.size()) {
                left_alone[foreign] = foreign_change(installed, image);
            }
            ++foreign;
        }
    }
    return foreign;
}

}  // namespace mp::patch
