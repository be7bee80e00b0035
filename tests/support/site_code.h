// Machine code that fulfils a row of the site table: the first bytes, every call where a statement wants it, the main
// return at its place. For images that are read and walked; nobody runs it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "game/sites.h"
#include "patch/decode.h"
#include "patch/image.h"

namespace mp::test {

/// Bytes that stand at an address.
using CodeChunk = std::pair<game::Addr, std::vector<std::uint8_t>>;

/// How the code differs from what the row says.
struct SiteCodeOptions {
    static constexpr int kAsTheTable = -1;
    static constexpr int kNone = -1;

    int popped = kAsTheTable;  ///< by the return; where the walk tells, the table stands for 4
    /// First bytes that do the same and are others: a move or comparison of registers written in its second form, or
    /// another address pushed where there is none.
    bool other_first_bytes = false;
    int leave_out = kNone;       ///< index of a statement that is not fulfilled
    int redirect = kNone;        ///< index of a statement that reaches `redirect_to` instead
    game::Addr redirect_to = 0;  ///< function, import slot, value of a vtable slot, or address in the function's start
    std::uint8_t filler = 0xC0;  ///< what stands in the place of a first byte that is not known
    game::Addr free_area = 0;    ///< room for a few bytes, for a return that does not fit where the table has it
};

/// Writes an instruction in other bytes of the same meaning: a move or comparison of registers in its second form. A
/// pushed address becomes another one. False when no other bytes are known.
inline bool write_otherwise(std::span<std::uint8_t> instruction) {
    constexpr std::uint8_t kDirection = 2;
    constexpr std::uint8_t kPushAddress = 0x68;
    std::uint8_t& opcode = instruction[0];
    const bool moves = opcode == 0x8B || opcode == 0x89;
    const bool computes = opcode < 0x40 && (opcode & 7U) >= 1 && (opcode & 7U) <= 3 && (opcode & 5U) == 1;
    if (instruction.size() == 2 && (moves || computes) && instruction[1] >= 0xC0) {
        const std::uint8_t operands = instruction[1];
        opcode ^= kDirection;
        instruction[1] = static_cast<std::uint8_t>(0xC0U | (operands & 7U) << 3U | (operands >> 3U & 7U));
        return true;
    }
    if (opcode == kPushAddress) {
        instruction[1] ^= 1U;
        return true;
    }
    return false;
}

namespace detail {

/// Code in the making.
class SiteCode final : public patch::Image {
public:
    SiteCode(const game::Site& site, const SiteCodeOptions& options) : site_(site), options_(options) {}

    std::vector<CodeChunk> build() {
        const game::Addr behind_start = first_bytes();
        game::Addr behind = put_statements(behind_start);
        put_immediates();
        behind = put_return(behind);
        for (game::Addr va = site_.va; va < behind; ++va) {
            code_.try_emplace(va, kNop);
        }
        finish_open_jump();
        return chunks();
    }

    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override {
        const game::Addr from = va - site_.va;
        return from < start_.size() && size <= start_.size() - from ? start_.data() + from : nullptr;
    }
    [[nodiscard]] patch::ModuleRange module_of(game::Addr /*va*/) const noexcept override { return {}; }
    void owner_of(game::Addr /*va*/, char* /*name*/, std::size_t /*capacity*/) const noexcept override {}

private:
    static constexpr std::uint8_t kNop = 0x90;
    static constexpr std::uint8_t kCall = 0xE8;
    static constexpr std::uint8_t kJump = 0xE9;
    static constexpr std::uint8_t kPush = 0x68;

    void put(game::Addr va, std::initializer_list<std::uint8_t> bytes) {
        for (const std::uint8_t byte : bytes) {
            code_[va++] = byte;
        }
    }
    void put_dword(game::Addr va, std::uint32_t value) {
        for (unsigned i = 0; i < 4; ++i) {
            code_[va + i] = static_cast<std::uint8_t>(value >> 8 * i);
        }
    }
    void put_distance(game::Addr va, game::Addr target) { put_dword(va, target - (va + 4)); }

    /// What the row knows, its last instruction made whole. Returns the address behind it.
    game::Addr first_bytes() {
        start_.assign(site_.prologue.size + patch::kLongestInstruction, options_.filler);
        for (std::size_t i = 0; i < site_.prologue.size; ++i) {
            start_[i] = site_.prologue.mask[i] != 0 ? site_.prologue.bytes[i] : options_.filler;
        }
        std::size_t size = 0;
        bool changed = !options_.other_first_bytes;
        while (size < site_.prologue.size) {
            const auto instruction = patch::decode(*this, site_.va + static_cast<game::Addr>(size));
            if (!instruction) {
                throw std::logic_error("the row's first bytes are no code");
            }
            if (!changed && size + instruction->size <= site_.prologue.size) {
                changed = write_otherwise(std::span(start_).subspan(size, instruction->size));
            }
            const bool open = size + instruction->size > site_.prologue.size && instruction->relative;
            if (open && start_[size] == kJump) {
                open_jump_ = site_.va + static_cast<game::Addr>(size);
            }
            size += instruction->size;
        }
        if (!changed) {
            throw std::logic_error("no other first bytes are known for the row");
        }
        for (std::size_t i = 0; i < size; ++i) {
            code_[site_.va + static_cast<game::Addr>(i)] = start_[i];
        }
        return site_.va + static_cast<game::Addr>(size);
    }

    [[nodiscard]] bool redirected(int index) const { return options_.redirect == index; }

    /// Returns the address behind the last instruction so far.
    game::Addr put_statements(game::Addr behind) {
        game::Addr last = behind;
        int index = 0;
        for (const game::Statement& statement : site_.statements) {
            last = std::max(last, put_statement(statement, index, behind));
            ++index;
        }
        return last;
    }

    game::Addr put_statement(const game::Statement& statement, int index, game::Addr behind_start) {
        using Kind = game::Statement::Kind;
        const bool there = options_.leave_out != index;
        const game::Addr to = redirected(index) ? options_.redirect_to : statement.to;
        switch (statement.kind) {
        case Kind::calls_import:
            if (there) {
                put(statement.at, {0xFF, 0x15});
                put_dword(statement.at + 2, to);
            }
            return statement.at + 6;
        case Kind::calls:
            if (there) {
                put(statement.at, {kCall});
                put_distance(statement.at + 1, to);
            } else {
                put(statement.at, {kNop, kNop, kNop, kNop, kNop});
            }
            return statement.at + 5;
        case Kind::in_slot:
            if (there) {
                put_dword(statement.at, redirected(index) ? to : site_.va);
            }
            return 0;
        case Kind::enters_start:
            if (there) {
                put(behind_start, {0x0F, 0x85});  // JNE
                put_distance(behind_start + 2, to);
            }
            return behind_start + 6;
        }
        return 0;
    }

    /// Constants that other components change: each is pushed.
    void put_immediates() {
        for (const game::KnownEdit& edit : game::kKnownEdits) {
            if (edit.size == 4 && edit.va > site_.va && edit.va < site_.va + site_.size) {
                code_[edit.va - 1] = kPush;
                for (game::Addr i = 0; i < edit.size; ++i) {
                    code_[edit.va + i] = edit.unmodified.bytes[i];
                }
            }
        }
    }

    /// Returns the address behind the function's last instruction.
    game::Addr put_return(game::Addr behind) {
        const int table = site_.bytes_popped == game::kPopsToldByWalk ? 4 : site_.bytes_popped;
        const auto popped =
            static_cast<std::uint16_t>(options_.popped == SiteCodeOptions::kAsTheTable ? table : options_.popped);
        const game::Addr size = popped != 0 ? 3 : 1;
        return_ = site_.main_return.va != 0 ? site_.main_return.va : behind + 1;  // behind a PUSH it would be a jump
        game::Addr end = return_ + size;
        if (site_.size != 0 && end > site_.va + site_.size) {
            if (options_.free_area == 0) {
                throw std::logic_error("the return does not fit, and there is no free area");
            }
            return_ -= 5;
            put(return_, {kJump});
            put_distance(return_ + 1, options_.free_area);
            end = return_ + 5;
            put_return_at(options_.free_area, popped);
        } else {
            put_return_at(return_, popped);
        }
        return end;
    }

    void put_return_at(game::Addr va, std::uint16_t popped) {
        if (popped == 0) {
            put(va, {0xC3});
        } else {
            put(va, {0xC2, static_cast<std::uint8_t>(popped), static_cast<std::uint8_t>(popped >> 8U)});
        }
    }

    /// A jump whose distance the row does not know leads to the return.
    void finish_open_jump() {
        if (open_jump_ != 0) {
            put_distance(open_jump_ + 1, return_);
        }
    }

    [[nodiscard]] std::vector<CodeChunk> chunks() const {
        std::vector<CodeChunk> result;
        for (const auto& [va, byte] : code_) {
            if (result.empty() || result.back().first + result.back().second.size() != va) {
                result.emplace_back(va, std::vector<std::uint8_t>{});
            }
            result.back().second.push_back(byte);
        }
        return result;
    }

    const game::Site& site_;
    const SiteCodeOptions& options_;
    std::vector<std::uint8_t> start_;
    std::map<game::Addr, std::uint8_t> code_;
    game::Addr open_jump_ = 0;
    game::Addr return_ = 0;
};

}  // namespace detail

/// The chunks to be written, ascending and apart: the function's code, and the dwords of the vtable slots that its
/// statements name.
inline std::vector<CodeChunk> site_code(const game::Site& site, const SiteCodeOptions& options = {}) {
    return detail::SiteCode(site, options).build();
}

}  // namespace mp::test
