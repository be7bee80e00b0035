// Walks the code of a function from its start, along every path, and notes what proves its identity: calls and what
// they reach, returns and what they pop, transfers that leave the game's module. Reads only, allocates nothing.
//
// The walk follows jumps and branches wherever they lead inside the module. A direct call of an address inside the
// function itself is a block of it (a __finally block of the runtime; engine contract G.1): it is walked too, and its
// return is not the function's. Other calls are not followed. Along the way it is known which register was loaded from
// which fixed address on every path, so that a call through a register is recognised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "game/sites.h"
#include "patch/decode.h"
#include "patch/image.h"

namespace mp::patch {

/// Why a walk is not complete.
enum class WalkProblem : std::uint8_t {
    none,
    unreadable,      ///< code that cannot be read, or is none
    runs_past_end,   ///< a path leaves the function's known end without a jump
    unknown_target,  ///< a jump through a register or table that cannot be followed
    too_long,        ///< more instructions than there is room for
};

/// What a call, or a jump out of the module, reaches.
enum class Reach : std::uint8_t {
    none,     ///< no transfer
    direct,   ///< `target` is the function
    pointer,  ///< `target` is the address of the dword that holds the function
    unknown,
};

/// An instruction that the walk came to.
struct Step {
    game::Addr va = 0;
    std::uint8_t size = 0;
    Flow flow = Flow::next;
    Reach reach = Reach::none;  ///< of calls, and of jumps that are not followed
    bool local = false;         ///< reached only as part of a block that is called
    bool foreign = false;       ///< leaves the module
    std::uint16_t popped = 0;   ///< of returns
    game::Addr target = 0;      ///< of jumps, branches and calls

    [[nodiscard]] game::Addr end() const noexcept { return va + size; }
};

/// What is known of a function beforehand.
struct WalkLimits {
    game::Addr end = 0;  ///< first address behind it, 0 when not known
    /// Functions that never come back; a call of one ends its path. nullptr: none is known.
    bool (*never_returns)(game::Addr function) noexcept = nullptr;
};

/// Big: meant for static storage, one user at a time.
class Walk {
public:
    static constexpr std::size_t kMaxSteps = 4096;

    /// Forgets the former walk and makes a new one from `va`.
    void run(const Image& image, game::Addr va, const WalkLimits& limits = {}) noexcept;

    [[nodiscard]] game::Addr start() const noexcept { return start_; }
    [[nodiscard]] WalkProblem problem() const noexcept { return problem_; }
    [[nodiscard]] game::Addr problem_address() const noexcept { return problem_address_; }
    [[nodiscard]] bool complete() const noexcept { return problem_ == WalkProblem::none; }

    /// In the order in which they were found.
    [[nodiscard]] std::span<const Step> steps() const noexcept { return {steps_.data(), count_}; }
    [[nodiscard]] const Step* step_at(game::Addr va) const noexcept;

    /// The first step that leaves the module, by address; nullptr when none does.
    [[nodiscard]] const Step* foreign_step() const noexcept;

    /// Whole instructions from the start on that cover `wanted` bytes, in bytes; 0 when a path ends before.
    [[nodiscard]] std::size_t whole_instructions(std::size_t wanted) const noexcept;
    /// Where a jump of the function leads into its first `size` bytes (at most 32); 0 when none does.
    [[nodiscard]] game::Addr entered_start(std::size_t size) const noexcept;

private:
    /// What is known of a register's value.
    struct Known {
        enum class What : std::uint8_t {
            nothing,
            dword,        ///< the dword at `address`
            table_entry,  ///< a dword of the table at `address`
            in_table,     ///< an address in the table at `address`
        } what = What::nothing;
        game::Addr address = 0;
        bool operator==(const Known&) const = default;
    };
    using Registers = std::array<Known, kRegisters>;
    static constexpr std::size_t kBuckets = 8192;  ///< more than kMaxSteps, so that a search ends
    using Index = std::uint16_t;

    [[nodiscard]] Index find(game::Addr va) const noexcept;
    void fail(WalkProblem problem, game::Addr va) noexcept;
    void reach(game::Addr va, const Registers& registers, bool local, Index from) noexcept;
    bool merge(Index index, const Registers& registers, bool local) noexcept;
    void visit(const Image& image, Index index) noexcept;
    void go_on(Index index, const Instruction& instruction, const Registers& registers) noexcept;
    void follow_jump(const Image& image, Index index, const Instruction& instruction) noexcept;
    void follow_call(Index index, const Instruction& instruction) noexcept;
    [[nodiscard]] static Known loaded_by(const Instruction& instruction, const Registers& registers) noexcept;
    void follow_table(const Image& image, Index index, game::Addr table) noexcept;
    [[nodiscard]] std::uint32_t table_entries(Index index) const noexcept;
    void transfer_to(Index index, game::Addr target) noexcept;
    [[nodiscard]] bool is_block_of_ours(game::Addr target) const noexcept;
    [[nodiscard]] bool never_returns(const Step& call) const noexcept;
    [[nodiscard]] bool in_module(game::Addr va) const noexcept { return module_.contains(va); }

    game::Addr start_ = 0;
    WalkLimits limits_{};
    ModuleRange module_{};
    WalkProblem problem_ = WalkProblem::none;
    game::Addr problem_address_ = 0;
    std::uint32_t entered_ = 0;  ///< a bit for each of the first bytes that a jump leads to
    std::size_t count_ = 0;
    std::size_t pending_ = 0;
    std::array<Step, kMaxSteps> steps_{};
    std::array<Registers, kMaxSteps> registers_{};
    std::array<Index, kMaxSteps> came_from_{};         ///< the step that first led here
    std::array<std::uint32_t, kMaxSteps> compared_{};  ///< constant of a comparison + 1, 0 for others
    std::array<bool, kMaxSteps> queued_{};
    std::array<Index, kMaxSteps> queue_{};
    std::array<Index, kBuckets> buckets_{};  ///< index + 1
};

}  // namespace mp::patch
