// Files of FalloutNV.exe 1.4.0.525 that are known by their SHA-256. Knowing one says who has examined it, nothing more:
// what is patched is decided by the bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace mp::game {

struct KnownImage {
    std::string_view sha256;  ///< lower-case hexadecimal digits
    std::uint64_t file_size;
    std::string_view what;
};

inline constexpr KnownImage kKnownImages[] = {
    {"42fee7d6cd74e801372aa89c8f71c974cebd3c20ec9ad43d1465b8fa9646b49c", 16'084'808,
     "1.4.0.525, large address aware: the file that the authors of psycho_engine_fixes examined"},
};

/// The image with that hash, or nullptr.
constexpr const KnownImage* find_known_image(std::string_view sha256) noexcept {
    for (const KnownImage& image : kKnownImages) {
        if (image.sha256 == sha256) {
            return &image;
        }
    }
    return nullptr;
}

}  // namespace mp::game
