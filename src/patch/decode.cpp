#include "patch/decode.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <Zydis/Decoder.h>
#include <Zydis/Register.h>

namespace mp::patch {
namespace {

using game::Addr;

constexpr unsigned kDwordBits = 32;
constexpr unsigned kDwordSize = 4;

/// What Zydis says of one instruction.
struct Decoded {
    ZydisDecodedInstruction instruction;
    std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;

    [[nodiscard]] std::span<const ZydisDecodedOperand> all() const noexcept {
        return std::span(operands).first(instruction.operand_count);
    }
    [[nodiscard]] std::span<const ZydisDecodedOperand> visible() const noexcept {
        return std::span(operands).first(instruction.operand_count_visible);
    }
};

bool run_decoder(const std::uint8_t* bytes, std::size_t size, Decoded& out) noexcept {
    ZydisDecoder decoder;
    return ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32)) &&
           ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, &out.instruction, out.operands.data()));
}

/// Number of the general register that holds `reg`, kNoRegister for others.
std::uint8_t register_number(ZydisRegister reg) noexcept {
    const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LEGACY_32, reg);
    const bool general = ZydisRegisterGetClass(whole) == ZYDIS_REGCLASS_GPR32;
    return general ? static_cast<std::uint8_t>(ZydisRegisterGetId(whole)) : kNoRegister;
}

bool is_whole_register(const ZydisDecodedOperand& operand) noexcept {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.size == kDwordBits &&
           register_number(operand.reg.value) != kNoRegister;
}

bool is_plain_dword(const ZydisDecodedOperand& operand) noexcept {
    return operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_MEM &&
           operand.size == kDwordBits && operand.mem.base == ZYDIS_REGISTER_NONE &&
           operand.mem.segment != ZYDIS_REGISTER_FS && operand.mem.segment != ZYDIS_REGISTER_GS;
}

void note_memory(const ZydisDecodedOperand& operand, Instruction& out) noexcept {
    if (!is_plain_dword(operand)) {
        return;
    }
    out.pointer = static_cast<Addr>(operand.mem.disp.value);
    out.has_pointer = operand.mem.index == ZYDIS_REGISTER_NONE;
    out.has_table = !out.has_pointer && operand.mem.scale == kDwordSize;
}

void note_written(const Decoded& decoded, Instruction& out) noexcept {
    for (const ZydisDecodedOperand& operand : decoded.all()) {
        if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) {
            continue;
        }
        const std::uint8_t number = register_number(operand.reg.value);
        out.written |= number != kNoRegister ? static_cast<std::uint8_t>(1U << number) : std::uint8_t{0};
    }
}

/// Number of the register that alone is the address of a dword, kNoRegister for others.
std::uint8_t pointing_register(const ZydisDecodedOperand& operand) noexcept {
    const bool plain = operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.index == ZYDIS_REGISTER_NONE &&
                       operand.mem.disp.value == 0 && operand.mem.segment == ZYDIS_REGISTER_DS;
    return plain ? register_number(operand.mem.base) : kNoRegister;
}

/// MOV register, [address] or [address + 4 * register] or [register] or register.
void note_move(const Decoded& decoded, Instruction& out) noexcept {
    const std::span<const ZydisDecodedOperand> operands = decoded.visible();
    if (operands.size() != 2 || !is_whole_register(operands[0])) {
        return;
    }
    out.loaded = register_number(operands[0].reg.value);
    if (is_whole_register(operands[1])) {
        out.copied = register_number(operands[1].reg.value);
        return;
    }
    note_memory(operands[1], out);
    out.loaded_through = pointing_register(operands[1]);
    if (!out.has_pointer && !out.has_table && out.loaded_through == kNoRegister) {
        out.loaded = kNoRegister;
    }
}

bool is_short_only(ZydisMnemonic mnemonic) noexcept {
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_LOOP:
    case ZYDIS_MNEMONIC_LOOPE:
    case ZYDIS_MNEMONIC_LOOPNE:
    case ZYDIS_MNEMONIC_JCXZ:
    case ZYDIS_MNEMONIC_JECXZ:
        return true;
    default:
        return false;
    }
}

/// Target of a jump, branch or call.
void note_target(const Decoded& decoded, Addr va, Instruction& out) noexcept {
    const ZydisDecodedOperand& operand = decoded.operands[0];
    if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand.imm.is_relative != 0) {
        out.relative = true;
        out.fixed = is_short_only(decoded.instruction.mnemonic) || decoded.instruction.raw.prefix_count != 0;
        out.target = va + out.size + static_cast<Addr>(operand.imm.value.s);
    } else if (is_whole_register(operand)) {
        out.target_register = register_number(operand.reg.value);
    } else {
        note_memory(operand, out);
    }
}

void note_constant(const Decoded& decoded, Instruction& out) noexcept {
    for (const ZydisDecodedOperand& operand : decoded.visible()) {
        if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
            out.constant = static_cast<std::uint32_t>(operand.imm.value.u);
            out.pushes_constant = decoded.instruction.mnemonic == ZYDIS_MNEMONIC_PUSH;
            out.compares = decoded.instruction.mnemonic == ZYDIS_MNEMONIC_CMP;
            if (decoded.instruction.mnemonic == ZYDIS_MNEMONIC_ADD && is_whole_register(decoded.operands[0])) {
                out.added_to = register_number(decoded.operands[0].reg.value);
            }
        }
    }
}

void note_flow(const Decoded& decoded, Addr va, Instruction& out) noexcept {
    switch (decoded.instruction.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
        out.flow = Flow::branch;
        note_target(decoded, va, out);
        return;
    case ZYDIS_CATEGORY_UNCOND_BR:
        out.flow = Flow::jump;
        note_target(decoded, va, out);
        return;
    case ZYDIS_CATEGORY_CALL:
        out.flow = Flow::call;
        note_target(decoded, va, out);
        return;
    case ZYDIS_CATEGORY_RET:
        out.flow = Flow::ret;
        note_constant(decoded, out);
        out.popped = static_cast<std::uint16_t>(out.constant);
        return;
    default:
        break;
    }
    switch (decoded.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_INT3:
        out.flow = Flow::breakpoint;
        break;
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
        out.flow = Flow::stop;
        break;
    case ZYDIS_MNEMONIC_MOV:
        note_move(decoded, out);
        break;
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_CMP:
    case ZYDIS_MNEMONIC_ADD:
        note_constant(decoded, out);
        break;
    default:
        break;
    }
}

/// As many bytes from `va` on as can be read, at most the longest instruction.
const std::uint8_t* readable_at(const Image& image, Addr va, std::size_t* size) noexcept {
    for (*size = kLongestInstruction; *size > 0; --*size) {
        if (const std::uint8_t* bytes = image.at(va, *size); bytes != nullptr) {
            return bytes;
        }
    }
    return nullptr;
}

}  // namespace

std::optional<Instruction> decode(const Image& image, Addr va) noexcept {
    std::size_t size = 0;
    const std::uint8_t* bytes = readable_at(image, va, &size);
    Decoded decoded;
    if (bytes == nullptr || !run_decoder(bytes, size, decoded)) {
        return std::nullopt;
    }
    Instruction out;
    out.size = decoded.instruction.length;
    note_written(decoded, out);
    note_flow(decoded, va, out);
    return out;
}

std::optional<std::uint32_t> dword_at(const Image& image, Addr va) noexcept {
    const std::uint8_t* bytes = image.at(va, kDwordSize);
    if (bytes == nullptr) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

std::optional<Transfer> transfer_at(const Image& image, Addr va) noexcept {
    const std::optional<Instruction> first = decode(image, va);
    if (!first) {
        return std::nullopt;
    }
    if (first->pushes_constant) {
        const std::optional<Instruction> second = decode(image, va + first->size);
        if (second && second->flow == Flow::ret && second->popped == 0) {
            return Transfer{static_cast<std::uint8_t>(first->size + second->size), false, first->constant, 0};
        }
        return std::nullopt;
    }
    if (first->flow != Flow::jump && first->flow != Flow::branch && first->flow != Flow::call) {
        return std::nullopt;
    }
    const bool call = first->flow == Flow::call;
    if (first->relative) {
        return Transfer{first->size, call, first->target, 0};
    }
    if (first->has_pointer) {
        return Transfer{first->size, call, dword_at(image, first->pointer).value_or(0), first->pointer};
    }
    return std::nullopt;
}

}  // namespace mp::patch
