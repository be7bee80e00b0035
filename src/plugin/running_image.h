// Is the running program the one that the site table describes? Reads only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::plugin {

enum class ImageProblem : std::uint8_t {
    none,
    unreadable,     ///< the program's headers cannot be read
    wrong_base,     ///< not loaded at 0x00400000
    wrong_version,  ///< version resource is not 1.4.0.525
    site_outside,   ///< a site of the table lies outside the executable sections
};

struct ImageCheck {
    ImageProblem problem = ImageProblem::none;
    std::uint64_t file_version = 0;
    std::uintptr_t base = 0;
    std::uint32_t site = 0;  ///< for site_outside
    bool large_address_aware = false;
};

ImageCheck check_running_image() noexcept;

/// One line for the log. Returns the length.
std::size_t describe(const ImageCheck& check, char* out, std::size_t capacity) noexcept;

}  // namespace mp::plugin
