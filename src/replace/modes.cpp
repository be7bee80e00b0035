// Which subsystems make up a mode.
#include "replace/subsystem.h"

#include <array>

namespace mp::replace {

namespace {

constexpr std::size_t kBoundaryCount = 8;
constexpr std::size_t kFullCount = kBoundaryCount + 6;

/// Of the mode that was asked for last; boundary mode's come first. In static storage, because spans refer to it.
constinit std::array<Subsystem, kFullCount> g_subsystems;

void fill_boundary() noexcept {
    const std::array<Subsystem, kBoundaryCount> boundary{media_samples(), scrap_buffers(),   pool_memory(),
                                                         heap_backing(),  heap_tail(),       heap_interior(),
                                                         heap_blocks(),   crt_small_blocks()};
    for (std::size_t i = 0; i < kBoundaryCount; ++i) {
        g_subsystems[i] = boundary[i];
    }
}

}  // namespace

std::span<const Subsystem> boundary_subsystems() noexcept {
    fill_boundary();
    return std::span(g_subsystems).first(kBoundaryCount);
}

std::span<const Subsystem> scrap_subsystems() noexcept {
    std::size_t count = 0;
    for (const Subsystem& part : {scrap_buffers(), scrap_heaps(), thread_scrap_heap()}) {
        g_subsystems[count++] = part;
    }
    return std::span(g_subsystems).first(count);
}

std::span<const Subsystem> full_subsystems(Builders builders) noexcept {
    fill_boundary();
    std::size_t count = kBoundaryCount;
    for (const Subsystem& door : {crt_heap(), game_heap(), game_heap_optional(), scrap_heaps(), thread_scrap_heap()}) {
        g_subsystems[count++] = door;
    }
    if (builders == Builders::replace) {
        g_subsystems[count++] = providers();
    }
    return std::span(g_subsystems).first(count);
}

}  // namespace mp::replace
