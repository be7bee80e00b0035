#include "os/file.h"

namespace mp::os {

std::FILE* open_file(const char* path, const char* mode) noexcept {
    return std::fopen(path, mode);
}

}  // namespace mp::os
