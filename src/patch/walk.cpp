#include "patch/walk.h"

#include <algorithm>
#include <optional>

namespace mp::patch {
namespace {

using game::Addr;

constexpr std::uint8_t bit(std::uint8_t number) noexcept {
    return static_cast<std::uint8_t>(1U << number);
}
/// EAX, ECX and EDX hold anything after a call.
constexpr std::uint8_t kLostByCall = bit(0) | bit(1) | bit(2);
constexpr std::uint8_t kAllRegisters = 0xFF;

constexpr std::uint32_t kBitsOfEntered = 32;
constexpr std::uint32_t kDword = 4;
/// A switch of more cases than that is taken for a misreading.
constexpr std::uint32_t kMostCases = 1024;
/// Comparison, branch, and what else stands between a switch's bound and its jump.
constexpr int kStepsToBound = 12;
/// Cases of a switch stand near their function.
constexpr Addr kNear = 0x00100000;

}  // namespace

Walk::Index Walk::find(Addr va) const noexcept {
    std::size_t bucket = va * 2654435761U % kBuckets;
    while (buckets_[bucket] != 0 && steps_[buckets_[bucket] - 1U].va != va) {
        bucket = (bucket + 1) % kBuckets;
    }
    return static_cast<Index>(bucket);
}

const Step* Walk::step_at(Addr va) const noexcept {
    const Index slot = buckets_[find(va)];
    return slot != 0 ? &steps_[slot - 1U] : nullptr;
}

void Walk::fail(WalkProblem problem, Addr va) noexcept {
    if (problem_ == WalkProblem::none) {
        problem_ = problem;
        problem_address_ = va;
    }
}

/// Joins what another path knows; true when less is known now, so that the step must be visited again.
bool Walk::merge(Index index, const Registers& registers, bool local) noexcept {
    bool changed = false;
    Registers& known = registers_[index];
    for (std::size_t i = 0; i < kRegisters; ++i) {
        if (known[i] != registers[i] && known[i] != Known{}) {
            known[i] = {};
            changed = true;
        }
    }
    if (steps_[index].local && !local) {
        steps_[index].local = false;
        changed = true;
    }
    return changed;
}

/// A path comes to `va`.
void Walk::reach(Addr va, const Registers& registers, bool local, Index from) noexcept {
    const Index bucket = find(va);
    if (buckets_[bucket] != 0) {
        const auto index = static_cast<Index>(buckets_[bucket] - 1U);
        if (merge(index, registers, local) && !queued_[index]) {
            queued_[index] = true;
            queue_[pending_++] = index;
        }
        return;
    }
    if (count_ == kMaxSteps) {
        fail(WalkProblem::too_long, va);
        return;
    }
    const auto index = static_cast<Index>(count_++);
    buckets_[bucket] = static_cast<Index>(index + 1U);
    steps_[index] = {.va = va, .local = local};
    registers_[index] = registers;
    came_from_[index] = from;
    compared_[index] = 0;
    queued_[index] = true;
    queue_[pending_++] = index;
}

/// A jump or branch of step `index` leads to `target`.
void Walk::transfer_to(Index index, Addr target) noexcept {
    Step& step = steps_[index];
    if (!in_module(target)) {
        step.foreign = true;
        return;
    }
    if (target - start_ < kBitsOfEntered) {
        entered_ |= 1U << (target - start_);
    }
    reach(target, registers_[index], step.local, index);
}

/// What is known of the register that `instruction` loads.
Walk::Known Walk::loaded_by(const Instruction& instruction, const Registers& registers) noexcept {
    if (instruction.copied != kNoRegister) {
        return registers[instruction.copied];
    }
    if (instruction.loaded_through != kNoRegister) {
        const Known& pointer = registers[instruction.loaded_through];
        return pointer.what == Known::What::in_table ? Known{Known::What::table_entry, pointer.address} : Known{};
    }
    return {instruction.has_table ? Known::What::table_entry : Known::What::dword, instruction.pointer};
}

/// On to the next instruction, with what this one does to the registers.
void Walk::go_on(Index index, const Instruction& instruction, const Registers& registers) noexcept {
    Registers after = registers;
    std::uint8_t lost = instruction.written;
    if (instruction.flow == Flow::call) {
        // A block of the function need not keep what a function keeps.
        lost |= instruction.relative && is_block_of_ours(instruction.target) ? kAllRegisters : kLostByCall;
    }
    for (std::uint8_t i = 0; i < kRegisters; ++i) {
        if ((lost & bit(i)) != 0) {
            after[i] = {};
        }
    }
    if (instruction.loaded != kNoRegister) {
        after[instruction.loaded] = loaded_by(instruction, registers);
    } else if (instruction.added_to != kNoRegister && in_module(instruction.constant)) {
        after[instruction.added_to] = {.what = Known::What::in_table, .address = instruction.constant};
    }
    const Step step = steps_[index];
    if (limits_.end != 0 && step.va < limits_.end && step.va >= start_ && step.end() >= limits_.end) {
        if (step.flow != Flow::call) {  // what follows a call that never comes back is not the function's
            fail(WalkProblem::runs_past_end, step.va);
        }
        return;
    }
    reach(step.end(), after, step.local, index);
}

/// The bound of the switch whose jump is step `index`, as a number of cases; 0 when none is seen.
std::uint32_t Walk::table_entries(Index index) const noexcept {
    Index at = index;
    for (int i = 0; i < kStepsToBound && at != came_from_[at]; ++i) {
        at = came_from_[at];
        if (compared_[at] != 0) {
            return compared_[at] <= kMostCases ? compared_[at] : 0;
        }
    }
    return 0;
}

void Walk::follow_table(const Image& image, Index index, Addr table) noexcept {
    const std::uint32_t entries = table_entries(index);
    if (entries == 0) {
        fail(WalkProblem::unknown_target, steps_[index].va);
        return;
    }
    for (std::uint32_t i = 0; i < entries; ++i) {
        const std::optional<std::uint32_t> target = dword_at(image, table + i * kDword);
        // A switch with a table of indices has fewer cases than its bound says.
        const bool is_case = target && in_module(*target) && *target + kNear - start_ < 2 * kNear;
        if (!is_case) {
            if (i == 0) {
                fail(WalkProblem::unknown_target, steps_[index].va);
            }
            return;
        }
        transfer_to(index, *target);
    }
}

void Walk::follow_jump(const Image& image, Index index, const Instruction& instruction) noexcept {
    Step& step = steps_[index];
    if (instruction.relative) {
        step.target = instruction.target;
        step.reach = Reach::direct;
        transfer_to(index, instruction.target);
        return;
    }
    const std::uint8_t reg = instruction.target_register;
    const Known known = reg != kNoRegister ? registers_[index][reg] : Known{};
    if (instruction.has_table || known.what == Known::What::table_entry) {
        follow_table(image, index, instruction.has_table ? instruction.pointer : known.address);
        return;
    }
    step.reach = Reach::pointer;
    step.target = instruction.has_pointer ? instruction.pointer : known.what == Known::What::dword ? known.address : 0;
    const std::optional<std::uint32_t> target = step.target != 0 ? dword_at(image, step.target) : std::nullopt;
    if (!target) {
        step.reach = Reach::unknown;
        fail(WalkProblem::unknown_target, step.va);
    } else if (in_module(*target)) {
        transfer_to(index, *target);
    } else {
        step.foreign = true;
    }
}

bool Walk::is_block_of_ours(Addr target) const noexcept {
    return limits_.end != 0 && target > start_ && target < limits_.end;
}

bool Walk::never_returns(const Step& call) const noexcept {
    return call.reach == Reach::direct && limits_.never_returns != nullptr && limits_.never_returns(call.target);
}

void Walk::follow_call(Index index, const Instruction& instruction) noexcept {
    Step& step = steps_[index];
    if (instruction.relative) {
        step.reach = Reach::direct;
        step.target = instruction.target;
        step.foreign = !in_module(instruction.target);
        if (is_block_of_ours(instruction.target) && instruction.target != step.end()) {
            reach(instruction.target, {}, true, index);
        }
    } else if (instruction.has_pointer) {
        step.reach = Reach::pointer;
        step.target = instruction.pointer;
    } else {
        const std::uint8_t reg = instruction.target_register;
        const bool loaded = reg != kNoRegister && registers_[index][reg].what == Known::What::dword;
        step.reach = loaded ? Reach::pointer : Reach::unknown;
        step.target = loaded ? registers_[index][reg].address : 0;
    }
}

void Walk::visit(const Image& image, Index index) noexcept {
    const Addr va = steps_[index].va;
    const std::optional<Instruction> instruction = decode(image, va);
    if (!instruction) {
        fail(WalkProblem::unreadable, va);
        return;
    }
    Step& step = steps_[index];
    step.size = instruction->size;
    step.flow = instruction->flow;
    step.popped = instruction->popped;
    compared_[index] = instruction->compares && instruction->constant < kMostCases ? instruction->constant + 1 : 0;
    const Registers registers = registers_[index];
    switch (instruction->flow) {
    case Flow::next:
        if (instruction->pushes_constant) {
            if (const std::optional<Transfer> jump = transfer_at(image, va)) {  // PUSH and RET
                step.flow = Flow::jump;
                step.reach = Reach::direct;
                step.target = jump->target;
                transfer_to(index, jump->target);
                return;
            }
        }
        go_on(index, *instruction, registers);
        break;
    case Flow::branch:
        follow_jump(image, index, *instruction);
        go_on(index, *instruction, registers);
        break;
    case Flow::jump:
        follow_jump(image, index, *instruction);
        break;
    case Flow::call:
        follow_call(index, *instruction);
        if (!never_returns(steps_[index])) {
            go_on(index, *instruction, registers);
        }
        break;
    case Flow::ret:
    case Flow::breakpoint:
    case Flow::stop:
        break;
    }
}

void Walk::run(const Image& image, Addr va, const WalkLimits& limits) noexcept {
    start_ = va;
    limits_ = limits;
    module_ = image.module_of(va);
    problem_ = WalkProblem::none;
    problem_address_ = 0;
    entered_ = 0;
    count_ = 0;
    pending_ = 0;
    buckets_.fill(0);
    reach(va, {}, false, 0);
    while (pending_ > 0) {
        const Index index = queue_[--pending_];
        queued_[index] = false;
        visit(image, index);
    }
}

const Step* Walk::foreign_step() const noexcept {
    const Step* first = nullptr;
    for (const Step& step : steps()) {
        if (step.foreign && (first == nullptr || step.va < first->va)) {
            first = &step;
        }
    }
    return first;
}

std::size_t Walk::whole_instructions(std::size_t wanted) const noexcept {
    std::size_t size = 0;
    while (size < wanted) {
        const Step* step = step_at(start_ + static_cast<Addr>(size));
        if (step == nullptr || step->size == 0) {
            return 0;
        }
        size += step->size;
        const bool ends = step->flow == Flow::ret || step->flow == Flow::jump || step->flow == Flow::stop;
        if (ends && size < wanted) {
            return 0;
        }
    }
    return size;
}

Addr Walk::entered_start(std::size_t size) const noexcept {
    for (std::size_t i = 0; i < size; ++i) {
        if ((entered_ >> i & 1) != 0) {
            return start_ + static_cast<Addr>(i);
        }
    }
    return 0;
}

}  // namespace mp::patch
