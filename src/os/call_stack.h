// Who called, from the calling thread's own stack. No loader, no allocation, no lock. Windows, 32-bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::os {

/// Return addresses, innermost first. Those of the chain of frame pointers are certain; code without frame pointers
/// breaks the chain, and then every word that follows a call in executable code of a module is taken as likely.
struct CallStack {
    static constexpr std::size_t kDepth = 12;
    std::uintptr_t frames[kDepth] = {};
    std::uint16_t likely = 0;  ///< a bit per frame: not of the chain
    std::uint8_t count = 0;

    void add(std::uintptr_t address, bool is_certain) noexcept {
        if (count < kDepth) {
            likely = static_cast<std::uint16_t>(likely | (is_certain ? 0U : 1U << count));
            frames[count++] = address;
        }
    }
    [[nodiscard]] bool is_likely(std::size_t index) const noexcept { return (likely >> index & 1U) != 0; }
};

/// The stack above a function that returns to `caller`, which is its first entry. `frame`: MP_FRAME_ADDRESS() of that
/// function, or of something that it has called. Code of this module is left out.
CallStack stack_above(const void* caller, const void* frame) noexcept;

/// The stack of a place in the calling thread at which the registers were these; `code` is its first entry.
CallStack stack_at(std::uintptr_t code, std::uintptr_t frame_pointer, std::uintptr_t stack_pointer) noexcept;

/// Where in which module an address lies.
struct CodePlace {
    std::uintptr_t base = 0;  ///< of the module; 0: the address is in none
    char name[64] = "";       ///< of its file, without folder; "" when the system does not tell
    bool is_system = false;   ///< the file is one of Windows
    bool is_own = false;      ///< the module is the one that asks
};
/// Asks the kernel and not the loader: allowed in any state of the process. Some microseconds.
CodePlace place_of(std::uintptr_t address) noexcept;

}  // namespace mp::os
