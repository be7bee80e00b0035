#include "patch/verify.h"

#include <cstring>
#include <optional>
#include <string_view>

#include "patch/text.h"

namespace mp::patch {
namespace {

using game::Addr;
using game::BytePattern;
using game::Site;
using game::Statement;

void show(SiteReport& report, const BytePattern& pattern, const std::uint8_t* observed) noexcept {
    report.byte_count = pattern.size;
    report.expected = pattern.bytes;
    report.mask = pattern.mask;
    report.observed = {};
    if (observed != nullptr) {
        std::memcpy(report.observed.data(), observed, pattern.size);
        report.bytes_differ = !pattern.matches(observed);
    }
}

bool fail(SiteReport& report, Finding finding, Addr address) noexcept {
    report.finding = finding;
    report.address = address;
    return false;
}

Addr first_unreadable(const Image& image, Addr va, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) {
        if (image.at(va + static_cast<Addr>(i), 1) == nullptr) {
            return va + static_cast<Addr>(i);
        }
    }
    return va;
}

/// Where a jump or call really leads.
Addr destination(const Step& step, const Image& image) noexcept {
    return step.reach == Reach::pointer ? dword_at(image, step.target).value_or(0) : step.target;
}

/// One check of a site: what it looks at, and where it writes what it finds.
class Check {
public:
    Check(SiteReport& report, const Site& site, const Image& image, Walk& walk, Accept accept) noexcept
        : report_(report), site_(site), image_(image), walk_(walk), accept_(accept) {}

    void run() noexcept {
        if (!first_bytes()) {
            return;
        }
        walk_.run(image_, site_.va, {.end = site_.size != 0 ? site_.va + site_.size : 0});
        report_.walk_problem = walk_.problem();
        if (nothing_foreign() && no_breakpoint() && statements_hold() && pops_agree() && start_can_move()) {
            decide();
        }
    }

private:
    bool first_bytes() noexcept {
        const std::uint8_t* code = image_.at(site_.va, site_.prologue.size);
        show(report_, site_.prologue, code);
        return code != nullptr ||
               fail(report_, Finding::unreadable, first_unreadable(image_, site_.va, site_.prologue.size));
    }

    bool nothing_foreign() noexcept {
        if (const Step* step = walk_.foreign_step(); step != nullptr) {
            report_.jump_target = destination(*step, image_);
            return fail(report_, Finding::foreign, step->va);
        }
        return true;
    }

    /// The call at `at`. Where the walk did not come that far, the instruction itself is asked.
    [[nodiscard]] Step call_at(Addr at) const noexcept {
        if (const Step* step = walk_.step_at(at); step != nullptr) {
            return *step;
        }
        Step step{.va = at};
        const std::optional<Transfer> transfer = walk_.complete() ? std::nullopt : transfer_at(image_, at);
        if (transfer && transfer->call) {
            step.flow = Flow::call;
            step.reach = transfer->pointer != 0 ? Reach::pointer : Reach::direct;
            step.target = transfer->pointer != 0 ? transfer->pointer : transfer->target;
        }
        return step;
    }

    [[nodiscard]] bool holds(const Statement& statement) noexcept {
        switch (statement.kind) {
        case Statement::Kind::calls_import:
        case Statement::Kind::calls: {
            const Step step = call_at(statement.at);
            const Reach wanted = statement.kind == Statement::Kind::calls ? Reach::direct : Reach::pointer;
            const bool is_call = step.flow == Flow::call;
            report_.jump_target = is_call ? step.target : 0;
            return is_call && step.reach == wanted && step.target == statement.to;
        }
        case Statement::Kind::in_slot:
            report_.jump_target = dword_at(image_, statement.at).value_or(0);
            return report_.jump_target == site_.va;
        case Statement::Kind::enters_start:
            report_.start_is_entered = true;
            return walk_.entered_start(statement.to - site_.va + 1) == statement.to;
        }
        return false;
    }

    bool statements_hold() noexcept {
        for (const Statement& statement : site_.statements) {
            if (!holds(statement)) {
                report_.statement = statement;
                return fail(report_, Finding::statement_fails, statement.at != 0 ? statement.at : statement.to);
            }
        }
        report_.jump_target = 0;
        return true;
    }

    bool pops_fail(Addr at, int found) noexcept {
        report_.popped_found = found;
        return fail(report_, Finding::pops_differ, at);
    }

    /// The table's number of popped bytes, or, where the walk tells, one of the two that make sense.
    [[nodiscard]] bool is_plausible(int popped) const noexcept {
        return site_.bytes_popped == game::kPopsToldByWalk ? popped == 4 || popped == 8 : popped == site_.bytes_popped;
    }

    /// The return that is certain to stand where the table says.
    bool main_return_agrees() noexcept {
        const Addr at = site_.main_return.va;
        if (at == 0 || site_.main_return.confidence != game::Confidence::certain) {
            return true;
        }
        const Step* step = walk_.step_at(at);
        if (step == nullptr && !walk_.complete()) {
            const std::optional<Instruction> instruction = decode(image_, at);
            return (instruction && instruction->flow == Flow::ret && is_plausible(instruction->popped)) ||
                   pops_fail(at, instruction && instruction->flow == Flow::ret ? instruction->popped : -1);
        }
        return (step != nullptr && step->flow == Flow::ret && !step->local) || pops_fail(at, -1);
    }

    /// A function that pops nothing leaves the stack to its caller: nothing of it is checked unless its structure has
    /// to prove it.
    bool pops_agree() noexcept {
        report_.bytes_popped = site_.bytes_popped;
        int popped = -1;
        for (const Step& step : walk_.steps()) {
            if (step.flow != Flow::ret || step.local) {
                continue;
            }
            const bool agrees = is_plausible(step.popped) && (popped < 0 || popped == step.popped);
            if (!agrees && (site_.bytes_popped != 0 || !bytes_decide())) {
                return pops_fail(step.va, step.popped);
            }
            popped = step.popped;
        }
        if (site_.bytes_popped == 0 && bytes_decide()) {
            return true;
        }
        if (!main_return_agrees()) {
            return false;
        }
        if (popped < 0 && (walk_.complete() || site_.bytes_popped == game::kPopsToldByWalk)) {
            return pops_fail(site_.va, -1);
        }
        report_.bytes_popped = popped >= 0 ? static_cast<std::int8_t>(popped) : site_.bytes_popped;
        return true;
    }

    [[nodiscard]] bool bytes_decide() const noexcept {
        return !report_.bytes_differ && (accept_ == Accept::bytes_or_structure || !game::has_certain_structure(site_));
    }

    bool no_breakpoint() noexcept {
        for (const Step& step : walk_.steps()) {
            if (step.flow == Flow::breakpoint && step.va - site_.va < game::kJumpSize) {
                return fail(report_, Finding::breakpoint, step.va);
            }
        }
        return true;
    }

    bool start_can_move() noexcept {
        for (std::size_t at = 0; at < game::kJumpSize;) {
            const Step* step = walk_.step_at(site_.va + static_cast<Addr>(at));
            if (step == nullptr || step->size == 0) {
                break;
            }
            if (const auto instruction = decode(image_, step->va); instruction && instruction->fixed) {
                return fail(report_, Finding::start_is_fixed, step->va);
            }
            at += step->size;
        }
        const std::size_t displaced = walk_.whole_instructions(game::kJumpSize);
        if (displaced == 0) {
            return fail(report_, walk_.complete() ? Finding::start_is_fixed : Finding::not_proven, site_.va);
        }
        report_.displaced = static_cast<std::uint8_t>(displaced);
        if (const Addr entered = walk_.entered_start(displaced); entered != 0 && !report_.start_is_entered) {
            return fail(report_, Finding::start_entered, entered);
        }
        return true;
    }

    void decide() noexcept {
        if (bytes_decide()) {
            report_.proof = Proof::bytes;
        } else if (!game::has_certain_structure(site_)) {
            fail(report_, Finding::not_proven, site_.va);
        } else if (walk_.complete()) {
            report_.proof = Proof::structure;
        } else {
            fail(report_, Finding::not_proven, walk_.problem_address());
        }
    }

    SiteReport& report_;
    const Site& site_;
    const Image& image_;
    Walk& walk_;
    Accept accept_;
};

BytePattern pattern_of(Addr value) noexcept {
    BytePattern pattern;
    pattern.size = sizeof value;
    std::memcpy(pattern.bytes.data(), &value, sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i) {
        pattern.mask[i] = 0xFF;
    }
    return pattern;
}

void add_named(Text& text, Addr va) noexcept {
    text.add_address(va);
    if (const std::string_view name = name_of(va); !name.empty()) {
        text.add(" (").add(name).add(")");
    }
}

void add_target(Text& text, const SiteReport& report) noexcept {
    text.add_address(report.jump_target);
    if (report.owner[0] != '\0') {
        text.add(" (").add(report.owner.data()).add(")");
    }
}

void add_statement(Text& text, const SiteReport& report) noexcept {
    const Statement& statement = report.statement;
    switch (statement.kind) {
    case Statement::Kind::calls_import:
    case Statement::Kind::calls:
        add_named(text.add("expected a call at ").add_address(statement.at).add(" that reaches "), statement.to);
        if (report.jump_target == 0) {
            text.add(", found none");
        } else if (!name_of(report.jump_target).empty()) {
            add_named(text.add(", found one of "), report.jump_target);
        } else {
            add_target(text.add(", found one of "), report);
        }
        break;
    case Statement::Kind::in_slot:
        add_target(text.add("the vtable slot at ").add_address(statement.at).add(" leads to "), report);
        break;
    case Statement::Kind::enters_start:
        text.add("no jump leads to ").add_address(statement.to).add(", as one does in the game");
        break;
    }
}

void add_pops(Text& text, const SiteReport& report) noexcept {
    if (report.popped_found < 0) {
        text.add("no return instruction found, looked at ").add_address(report.address);
    } else {
        text.add("the return at ").add_address(report.address).add(" pops ");
        text.add_number(static_cast<std::uint32_t>(report.popped_found)).add(" bytes");
    }
    if (const Site* site = game::find_site(report.site); site != nullptr && site->bytes_popped >= 0) {
        text.add(", expected to pop ").add_number(static_cast<std::uint32_t>(site->bytes_popped));
    }
}

void add_finding(Text& text, const SiteReport& report) noexcept {
    switch (report.finding) {
    case Finding::ok:
        text.add("proven ").add(proof_name(report.proof));
        break;
    case Finding::unreadable:
        text.add("not readable at ").add_address(report.address);
        break;
    case Finding::foreign:
        add_target(text.add("foreign jump at ").add_address(report.address).add(" to "), report);
        break;
    case Finding::breakpoint:
        text.add("a breakpoint (CC) at ").add_address(report.address);
        break;
    case Finding::statement_fails:
        add_statement(text, report);
        break;
    case Finding::pops_differ:
        add_pops(text, report);
        break;
    case Finding::start_entered:
        text.add("a jump leads to ").add_address(report.address).add(", into the bytes that a hook displaces");
        break;
    case Finding::start_is_fixed:
        text.add("its first instructions cannot be moved, see ").add_address(report.address);
        break;
    case Finding::not_proven:
        text.add("its first bytes do not prove it, and its structure does not: ");
        if (report.walk_problem == WalkProblem::none) {
            text.add("nothing else about it is certain");
        } else {
            text.add(walk_problem_name(report.walk_problem)).add(" at ").add_address(report.address);
        }
        break;
    case Finding::pointer_differs:
        add_target(text.add("slot leads to "), report);
        break;
    case Finding::changed:
        text.add("other bytes stand at ").add_address(report.address);
        break;
    }
}

}  // namespace

SiteReport verify(const Site& site, const Image& image, Walk& walk, Accept accept) noexcept {
    SiteReport report;
    report.site = site.va;
    report.address = site.va;
    report.bytes_popped = site.bytes_popped;
    Check(report, site, image, walk, accept).run();
    return report;
}

SiteReport verify(const game::PointerSite& site, const Image& image) noexcept {
    SiteReport report;
    report.site = site.va;
    report.address = site.va;
    report.bytes_popped = static_cast<std::int8_t>(site.bytes_popped);
    const BytePattern pattern = pattern_of(site.expected);
    const std::uint8_t* slot = image.at(site.va, pattern.size);
    show(report, pattern, slot);
    if (slot == nullptr) {
        fail(report, Finding::unreadable, first_unreadable(image, site.va, pattern.size));
    } else if (report.bytes_differ) {
        std::memcpy(&report.jump_target, slot, sizeof report.jump_target);
        fail(report, Finding::pointer_differs, site.va);
    } else {
        report.proof = Proof::bytes;
    }
    return report;
}

SiteReport verify(const game::Helper& helper, const Image& image, Walk& walk) noexcept {
    SiteReport report;
    report.site = helper.va;
    report.address = helper.va;
    report.bytes_popped = static_cast<std::int8_t>(helper.bytes_popped);
    walk.run(image, helper.va, {.end = helper.va + helper.size});
    report.walk_problem = walk.problem();
    if (const Step* step = walk.foreign_step(); step != nullptr) {
        report.jump_target = destination(*step, image);
        fail(report, Finding::foreign, step->va);
        return report;
    }
    if (!walk.complete()) {
        fail(report, Finding::not_proven, walk.problem_address());
        return report;
    }
    bool returns = false;
    for (const Step& step : walk.steps()) {
        if (step.flow == Flow::ret && !step.local) {
            returns = true;
            if (step.popped != helper.bytes_popped) {
                report.popped_found = step.popped;
                fail(report, Finding::pops_differ, step.va);
                return report;
            }
        }
    }
    if (returns) {
        report.proof = Proof::structure;
    } else {
        fail(report, Finding::pops_differ, helper.va);
    }
    return report;
}

void name_owner(SiteReport& report, const Image& image) noexcept {
    if (report.jump_target != 0) {
        image.owner_of(report.jump_target, report.owner.data(), report.owner.size());
    }
}

std::string_view name_of(Addr va) noexcept {
    if (const Site* site = game::find_site(va)) {
        return site->name;
    }
    for (const game::PointerSite& site : game::kPointerSites) {
        if (site.va == va) {
            return site.name;
        }
    }
    for (const game::Helper& helper : game::kHelpers) {
        if (helper.va == va) {
            return helper.name;
        }
    }
    return game::import_name(va);
}

std::string_view proof_name(Proof proof) noexcept {
    switch (proof) {
    case Proof::none:
        break;
    case Proof::bytes:
        return "by bytes";
    case Proof::structure:
        return "by structure";
    }
    return "not";
}

std::string_view walk_problem_name(WalkProblem problem) noexcept {
    switch (problem) {
    case WalkProblem::none:
        break;
    case WalkProblem::unreadable:
        return "code that cannot be read";
    case WalkProblem::runs_past_end:
        return "code that runs past the function's end";
    case WalkProblem::unknown_target:
        return "a jump that cannot be followed";
    case WalkProblem::too_long:
        return "too much code";
    }
    return "nothing";
}

std::size_t describe(const SiteReport& report, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    text.add_address(report.site);
    if (const std::string_view name = name_of(report.site); !name.empty()) {
        text.add(" ").add(name);
    }
    add_finding(text.add(": "), report);
    const bool shows_bytes = report.bytes_differ || report.finding == Finding::unreadable;
    if (!shows_bytes) {
        return text.length();
    }
    text.add("; expected ").add_bytes(report.expected.data(), report.mask.data(), report.byte_count);
    if (report.finding != Finding::unreadable) {
        text.add(", found ").add_bytes(report.observed.data(), nullptr, report.byte_count);
    }
    return text.length();
}

}  // namespace mp::patch
