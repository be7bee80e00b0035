// Boundary mode: the functions in which the game's own allocators meet the kernel, and the heaps' blocks.
#include <array>

#include "replace/subsystem.h"

namespace mp::replace {

std::span<const Subsystem> boundary_subsystems() noexcept {
    static std::array<Subsystem, 8> subsystems;
    subsystems = {media_samples(), scrap_buffers(), pool_memory(), heap_backing(),
                  heap_tail(),     heap_interior(), heap_blocks(), crt_small_blocks()};
    return subsystems;
}

}  // namespace mp::replace
