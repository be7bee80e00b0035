#include "mutants.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

#include "game/functions.h"
#include "patch/decode.h"
#include "patch/walk.h"
#include "support/site_code.h"
#include "support/variants.h"

namespace mp::test {
namespace {

using game::Addr;
using game::Site;
using game::Statement;
using patch::Flow;
using patch::Step;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kNop = 0x90;
constexpr std::uint8_t kBreakpoint = 0xCC;
constexpr std::uint8_t kCall = 0xE8;
constexpr std::uint8_t kJump = 0xE9;
constexpr std::uint8_t kShortJumpIfNotZero = 0x75;
constexpr std::uint8_t kReturnAndPop = 0xC2;
constexpr std::size_t kShortJumpSize = 2;
constexpr std::size_t kDword = 4;
constexpr Addr kPointerSize = 4;

void append(Bytes& bytes, std::uint32_t dword) {
    for (unsigned i = 0; i < kDword; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(dword >> 8 * i));
    }
}

Bytes dword(std::uint32_t value) {
    Bytes bytes;
    append(bytes, value);
    return bytes;
}

/// `opcode` (one byte or two) with the distance from `va` to `target`, then NOPs up to `size` bytes.
Bytes transfer(std::initializer_list<std::uint8_t> opcode, Addr va, Addr target, std::size_t size) {
    Bytes bytes(opcode);
    append(bytes, target - (va + static_cast<Addr>(opcode.size() + kDword)));
    bytes.resize(std::max(size, bytes.size()), kNop);
    return bytes;
}

/// A function as a walk sees it.
class Code {
public:
    Code(const Site& site, const ProgramFile& program) : site_(site), program_(program) {
        static patch::Walk walk;
        walk.run(program, site.va, {.end = site.size != 0 ? site.va + site.size : 0});
        if (!walk.complete()) {
            throw std::logic_error("a function of the program cannot be walked: " + std::string(site.name));
        }
        displaced_ = walk.whole_instructions(game::kJumpSize);
        steps_.assign(walk.steps().begin(), walk.steps().end());
        std::ranges::sort(steps_, {}, &Step::va);
        for (const Step& step : steps_) {
            if (step.flow == Flow::jump || step.flow == Flow::branch) {
                entered_.insert(step.target);
            }
        }
    }

    [[nodiscard]] std::span<const Step> steps() const { return steps_; }
    [[nodiscard]] std::size_t displaced() const { return displaced_; }
    [[nodiscard]] patch::Instruction instruction(const Step& step) const {
        const auto instruction = patch::decode(program_, step.va);
        if (!instruction) {
            throw std::logic_error("a step of the walk is no instruction");
        }
        return *instruction;
    }
    [[nodiscard]] const std::uint8_t* bytes(Addr va, std::size_t size) const { return program_.at(va, size); }

    [[nodiscard]] const Step& at(Addr va) const {
        const auto found = std::ranges::find(steps_, va, &Step::va);
        if (found == steps_.end()) {
            throw std::logic_error("no instruction of the function stands there");
        }
        return *found;
    }

    /// A step that loads `slot` into a register.
    [[nodiscard]] bool loads(const Step& step, Addr slot) const {
        const patch::Instruction found = instruction(step);
        return step.flow == Flow::next && found.loaded != patch::kNoRegister && found.has_pointer &&
               found.pointer == slot;
    }

    struct Room {
        Addr va = 0;
        std::size_t size = 0;
    };

    /// Whole instructions of at least `size` bytes, one after the other, that may be overwritten: they only compute,
    /// and nothing jumps between them. They stand behind the displaced ones, and end with the function's `last`
    /// instruction.
    [[nodiscard]] std::optional<Room> room_that_ends_with(const Step& last, std::size_t size) const {
        Room room{last.end(), 0};
        for (std::size_t i = index_of(last) + 1; i-- > 0 && room.size < size;) {
            const Step& step = steps_[i];
            const bool can_go = step.end() == room.va && !step.local && step.va >= site_.va + displaced_ &&
                                (room.size == 0 || !entered_.contains(room.va)) && may_go(step);
            if (!can_go) {
                return std::nullopt;
            }
            room.va = step.va;
            room.size += step.size;
        }
        return room.size >= size ? std::optional(room) : std::nullopt;
    }

    [[nodiscard]] std::optional<Room> first_room(std::size_t size) const {
        for (const Step& step : steps_) {
            if (const auto room = room_that_ends_with(step, size)) {
                return room;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Room> last_room(std::size_t size) const {
        for (std::size_t i = steps_.size(); i-- > 0;) {
            if (const auto room = room_that_ends_with(steps_[i], size)) {
                return room;
            }
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] std::size_t index_of(const Step& step) const {
        return static_cast<std::size_t>(&step - steps_.data());
    }

    /// Calls that no statement names may go as well.
    [[nodiscard]] bool may_go(const Step& step) const {
        return (step.flow == Flow::next || step.flow == Flow::call) &&
               std::ranges::none_of(site_.statements, [&](const Statement& statement) {
                   return statement.at == step.va ||
                          (statement.kind == Statement::Kind::calls_import && loads(step, statement.to));
               });
    }

    const Site& site_;
    const ProgramFile& program_;
    std::size_t displaced_ = 0;
    std::vector<Step> steps_;
    std::set<Addr> entered_;
};

bool is_call(const Statement& statement) {
    return statement.kind == Statement::Kind::calls || statement.kind == Statement::Kind::calls_import;
}

/// A call through a register, not through the slot itself.
bool is_by_register(const Statement& statement, const Code& code) {
    return statement.kind == Statement::Kind::calls_import &&
           code.instruction(code.at(statement.at)).target_register != patch::kNoRegister;
}

constexpr Addr kOtherFunction = game::fn::kSpinLockAcquire.va;

Addr other_slot(Addr slot) {
    using namespace game::import_slot;
    return slot == kGetTickCount ? kQueryPerformanceCounter : kGetTickCount;
}

/// What makes a statement about a call hold for something else.
std::vector<Change> redirection(const Statement& statement, const Code& code) {
    const Step& step = code.at(statement.at);
    if (statement.kind == Statement::Kind::calls) {
        return {{step.va, transfer({kCall}, step.va, kOtherFunction, step.size)}};
    }
    if (!is_by_register(statement, code)) {
        return {{step.end() - kPointerSize, dword(other_slot(statement.to))}};
    }
    std::vector<Change> changes;
    for (const Step& each : code.steps()) {
        if (code.loads(each, statement.to)) {
            changes.push_back({each.end() - kPointerSize, dword(other_slot(statement.to))});
        }
    }
    return changes;
}

/// Every jump that leads to `target` leads behind itself.
std::vector<Change> no_jump_to(Addr target, const Code& code) {
    std::vector<Change> changes;
    for (const Step& step : code.steps()) {
        if (step.target == target && (step.flow == Flow::jump || step.flow == Flow::branch)) {
            const std::size_t distance = step.size == kShortJumpSize ? 1 : kDword;
            changes.push_back({step.end() - static_cast<Addr>(distance), Bytes(distance)});
        }
    }
    return changes;
}

/// Where the second instruction that a hook displaces stands; the first one's place when there is only one.
Addr inside_start(const Code& code, Addr start) {
    const Step& first = code.at(start);
    return first.size < code.displaced() ? first.end() : start;
}

/// A branch right in front of a load that leads right behind it.
Change jump_over(const Step& load, const Code& code) {
    const auto before = std::ranges::find(code.steps(), load.va, &Step::end);
    const auto room =
        before != code.steps().end() ? code.room_that_ends_with(*before, kShortJumpSize) : std::optional<Code::Room>();
    if (!room) {
        throw std::logic_error("no room in front of a load");
    }
    Bytes jump{kShortJumpIfNotZero, static_cast<std::uint8_t>(load.end() - room->va - kShortJumpSize)};
    jump.resize(room->size, kNop);
    return {room->va, std::move(jump)};
}

/// A path that never comes to a load jumps right behind it, from the function's other end: a walk learns of this path
/// when it has gone on from the load already.
Change jump_behind(const Step& load, const Code& code, const Site& site, const ProgramFile& program) {
    ProgramFile stopped = program;
    stopped.edit(load.va, 1)[0] = kBreakpoint;
    const Code without(site, stopped);
    for (std::size_t i = without.steps().size(); i-- > 0;) {
        const auto last = std::ranges::find(code.steps(), without.steps()[i].va, &Step::va);
        const auto room =
            last != code.steps().end() ? code.room_that_ends_with(*last, game::kJumpSize) : std::optional<Code::Room>();
        if (room && std::ranges::find(without.steps(), room->va, &Step::va) != without.steps().end()) {
            return {room->va, transfer({kJump}, room->va, load.end(), room->size)};
        }
    }
    throw std::logic_error("every path comes to a load");
}

}  // namespace

ProgramFile program_without_known_bytes(std::span<const std::uint8_t> built_file, std::uint32_t seed) {
    ProgramFile program(variant_of(built_file, seed));
    for (const Site& site : game::kSites) {
        // Where nothing else is certain the first bytes decide: those stay.
        bool changed = site.prologue_confidence == game::Confidence::likely || !game::has_certain_structure(site);
        std::size_t at = 0;
        while (!changed && at < site.prologue.size) {
            const Addr va = site.va + static_cast<Addr>(at);
            const std::size_t size = patch::decode(program, va).value().size;
            changed = at + size <= site.prologue.size && write_otherwise(program.edit(va, size));
            at += size;
        }
        if (!changed) {
            throw std::logic_error("no other first bytes are known: " + std::string(site.name));
        }
    }
    return program;
}

Mutants with_statements_redirected(const Site& site, const ProgramFile& program) {
    const Code code(site, program);
    Mutants mutants;
    for (const Statement& statement : site.statements) {
        switch (statement.kind) {
        case Statement::Kind::calls:
        case Statement::Kind::calls_import:
            mutants.push_back({&site, statement, redirection(statement, code)});
            break;
        case Statement::Kind::in_slot:
            mutants.push_back({&site, statement, {{statement.at, dword(kOtherFunction)}}});
            break;
        case Statement::Kind::enters_start:
            mutants.push_back({&site, statement, no_jump_to(statement.to, code)});
            break;
        }
    }
    return mutants;
}

Mutants with_calls_missing(const Site& site, const ProgramFile& program) {
    const Code code(site, program);
    Mutants mutants;
    for (const Statement& statement : site.statements) {
        if (is_call(statement)) {
            mutants.push_back({&site, statement, {{statement.at, Bytes(code.at(statement.at).size, kNop)}}});
        }
    }
    return mutants;
}

Mutants with_register_not_loaded(const Site& site, const ProgramFile& program) {
    const Code code(site, program);
    Mutants mutants;
    for (const Statement& statement : site.statements) {
        if (!is_call(statement) || !is_by_register(statement, code)) {
            continue;
        }
        for (const Step& step : code.steps()) {
            if (code.loads(step, statement.to)) {
                mutants.push_back({&site, statement, {jump_over(step, code)}});
                mutants.push_back({&site, statement, {jump_behind(step, code, site, program)}});
            }
        }
    }
    return mutants;
}

Mutants with_start_entered(const Site& site, const ProgramFile& program) {
    const Code code(site, program);
    const Addr target = inside_start(code, site.va);
    constexpr Addr kShortReach = 0x80;
    const auto near = code.first_room(kShortJumpSize);
    if (near && near->va + kShortJumpSize - target <= kShortReach) {
        Bytes jump{kShortJumpIfNotZero, static_cast<std::uint8_t>(target - near->va - kShortJumpSize)};
        jump.resize(near->size, kNop);
        return {{&site, {}, {{near->va, std::move(jump)}}}};
    }
    constexpr std::size_t kLongBranchSize = 6;
    const auto far = code.first_room(kLongBranchSize);
    if (!far) {
        return {};
    }
    return {{&site, {}, {{far->va, transfer({0x0F, 0x85}, far->va, target, far->size)}}}};
}

Mutants with_another_return(const Site& site, const ProgramFile& program) {
    const Code code(site, program);
    constexpr std::size_t kReturnAndPopSize = 3;
    constexpr std::uint8_t kMore = 8;  // of one function, 4 or 8 are right
    for (std::size_t i = code.steps().size(); i-- > 0;) {
        const Step& step = code.steps()[i];
        if (step.flow != Flow::ret || step.local) {
            continue;
        }
        const Bytes other{kReturnAndPop, static_cast<std::uint8_t>(step.popped + kMore), 0};
        const std::uint8_t* behind = code.bytes(step.end(), 2);
        const bool fits = step.size == kReturnAndPopSize || (behind[0] == kBreakpoint && behind[1] == kBreakpoint);
        if (fits) {
            return {{&site, {}, {{step.va, other}}}};
        }
        const auto before = std::ranges::find(code.steps(), step.va, &Step::end);
        if (before == code.steps().end()) {
            continue;
        }
        if (const auto room = code.room_that_ends_with(*before, kReturnAndPopSize - step.size)) {
            Bytes bytes(room->size + step.size, kNop);
            std::ranges::copy(other, bytes.end() - std::ssize(other));
            return {{&site, {}, {{room->va, std::move(bytes)}}}};
        }
    }
    return {};
}

Mutants with_breakpoint(const Site& site, const ProgramFile& program) {
    return {{&site, {}, {{inside_start(Code(site, program), site.va), {kBreakpoint}}}}};
}

Mutants with_foreign_start(const Site& site, const ProgramFile& program) {
    const std::size_t size = Code(site, program).displaced();
    Mutants mutants;
    for (const std::uint8_t opcode : {kJump, kCall}) {
        mutants.push_back({&site, {}, {{site.va, transfer({opcode}, site.va, kOtherModule, size)}}});
    }
    return mutants;
}

Mutants with_foreign_code_deep_inside(const Site& site, const ProgramFile& program) {
    const auto room = Code(site, program).last_room(game::kJumpSize);
    Mutants mutants;
    if (room) {
        for (const std::uint8_t opcode : {kJump, kCall}) {
            mutants.push_back({&site, {}, {{room->va, transfer({opcode}, room->va, kOtherModule, room->size)}}});
        }
    }
    return mutants;
}

}  // namespace mp::test
