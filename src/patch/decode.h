// One instruction of 32-bit x86 code, reduced to what patching needs to know. The decoder is Zydis.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "game/sites.h"
#include "patch/image.h"

namespace mp::patch {

inline constexpr std::size_t kLongestInstruction = 15;

/// General registers by their numbers in machine code: EAX 0, ECX 1, EDX 2, EBX 3, ESP 4, EBP 5, ESI 6, EDI 7.
inline constexpr std::uint8_t kRegisters = 8;
inline constexpr std::uint8_t kNoRegister = 0xFF;

/// Where control goes after an instruction.
enum class Flow : std::uint8_t {
    next,
    branch,      ///< to `target` or to the next instruction
    jump,        ///< to `target`, or where a register or memory says
    call,        ///< of `target`, or of what a register or memory says; comes back
    ret,         ///< off the function; `popped` bytes of arguments go
    breakpoint,  ///< CC
    stop,        ///< an instruction that only faults
};

struct Instruction {
    std::uint8_t size = 0;
    Flow flow = Flow::next;
    bool relative = false;  ///< `target` is told as a distance
    /// Relative, and cannot be written anew for another place: LOOP, JECXZ, and what has a prefix.
    bool fixed = false;
    std::uint16_t popped = 0;                    ///< of a return
    game::Addr target = 0;                       ///< of a direct jump, branch or call
    std::uint8_t target_register = kNoRegister;  ///< jump or call through a register
    bool has_pointer =
        false;               ///< reads a dword at a fixed address: the target of a jump or call, else the value loaded
    bool has_table = false;  ///< reads a dword at `pointer` + 4 * a register
    game::Addr pointer = 0;
    std::uint8_t loaded = kNoRegister;  ///< register that receives the dword at `pointer`, or what the next two say
    std::uint8_t copied = kNoRegister;  ///< register that `loaded` is a copy of
    std::uint8_t loaded_through = kNoRegister;  ///< register that points at the dword that `loaded` receives
    std::uint8_t added_to = kNoRegister;        ///< register that `constant` is added to
    std::uint8_t written = 0;                   ///< a bit for each register that gets another value
    bool pushes_constant = false;
    std::uint32_t constant = 0;  ///< what is pushed, added, or compared with
    bool compares = false;
};

/// The instruction at `va`; nothing when it cannot be read or is none. Any thread.
std::optional<Instruction> decode(const Image& image, game::Addr va) noexcept;

/// Where control is sent by the instruction, or pair of PUSH and RET, that stands at `va`: directly, or through a dword
/// at a fixed address. Nothing when it goes on with the next one, or where registers say.
struct Transfer {
    std::uint8_t size = 0;  ///< bytes of what stands there
    bool call = false;
    game::Addr target = 0;   ///< 0 when the dword cannot be read
    game::Addr pointer = 0;  ///< address of the dword, 0 when direct
};
std::optional<Transfer> transfer_at(const Image& image, game::Addr va) noexcept;

/// The dword at `va`, if it can be read.
std::optional<std::uint32_t> dword_at(const Image& image, game::Addr va) noexcept;

}  // namespace mp::patch
