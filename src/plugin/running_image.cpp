#include "plugin/running_image.h"

#include <cstdio>

#include "game/addresses.h"
#include "os/executable.h"

namespace mp::plugin {

namespace {

std::uint32_t first_site_outside() noexcept {
    for (const game::Site& site : game::kSites) {
        if (!os::in_executable_section(site.va, site.prologue.size)) {
            return site.va;
        }
    }
    return 0;
}

unsigned version_part(std::uint64_t version, unsigned index) noexcept {
    return static_cast<unsigned>(version >> (16 * (3 - index)) & 0xFFFF);
}

}  // namespace

ImageCheck check_running_image() noexcept {
    os::ExecutableInfo info;
    if (!os::executable_info(&info)) {
        return {.problem = ImageProblem::unreadable};
    }
    ImageCheck check{
        .file_version = info.file_version, .base = info.base, .large_address_aware = info.large_address_aware};
    if (info.base != game::kImageBase) {
        check.problem = ImageProblem::wrong_base;
    } else if (info.file_version != game::kFileVersion) {
        check.problem = ImageProblem::wrong_version;
    } else if (check.site = first_site_outside(); check.site != 0) {
        check.problem = ImageProblem::site_outside;
    }
    return check;
}

std::size_t describe(const ImageCheck& check, char* out, std::size_t capacity) noexcept {
    const std::uint64_t v = check.file_version;
    int written = 0;
    switch (check.problem) {
    case ImageProblem::none:
        written = std::snprintf(out, capacity, "FalloutNV.exe %u.%u.%u.%u, %s", version_part(v, 0), version_part(v, 1),
                                version_part(v, 2), version_part(v, 3),
                                check.large_address_aware ? "large address aware (4 GB)"
                                                          : "NOT large address aware: run the FNV 4GB Patcher");
        break;
    case ImageProblem::unreadable:
        written = std::snprintf(out, capacity, "the program's headers cannot be read");
        break;
    case ImageProblem::wrong_base:
        written = std::snprintf(out, capacity, "the program is loaded at 0x%08X, expected 0x%08X: not FalloutNV.exe",
                                static_cast<unsigned>(check.base), static_cast<unsigned>(game::kImageBase));
        break;
    case ImageProblem::wrong_version:
        written = std::snprintf(out, capacity,
                                "the program's version is %u.%u.%u.%u, expected 1.4.0.525: only the final English-type "
                                "Steam and GOG release (and the patched Epic one) is supported",
                                version_part(v, 0), version_part(v, 1), version_part(v, 2), version_part(v, 3));
        break;
    case ImageProblem::site_outside:
        written =
            std::snprintf(out, capacity, "0x%08X is not in an executable section of the program: an altered image",
                          static_cast<unsigned>(check.site));
        break;
    }
    return written > 0 ? static_cast<std::size_t>(written) : 0;
}

}  // namespace mp::plugin
