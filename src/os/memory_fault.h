// Accesses that the system refuses, seen before they become a crash. Windows, 32-bit. Cold.
#pragma once

#include <cstdint>

namespace mp::os {

struct MemoryFault {
    std::uintptr_t address = 0;  ///< that was read, written or executed
    bool is_write = false;
    std::uintptr_t code = 0;  ///< the instruction
    std::uintptr_t frame_pointer = 0;
    std::uintptr_t stack_pointer = 0;
};

enum class FaultAnswer : std::uint8_t {
    pass_on,  ///< to whoever else handles it, as if nobody had looked
    repeat,   ///< the instruction once more
};

/// Shows `watcher` every refused access of the process, on the thread that made it and before any other handler that
/// was there. It may hold any lock of anybody's: the watcher calls no loader and allocates nothing. Once; false when
/// the system refuses.
using FaultWatcher = FaultAnswer (*)(const MemoryFault& fault) noexcept;
bool watch_memory_faults(FaultWatcher watcher) noexcept;

}  // namespace mp::os
