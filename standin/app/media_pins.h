// Sample pools of the movie player: now and then a pin connects, plays a while and disconnects.
#pragma once

#include "app/random.h"
#include "media/media.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mp::app {

class MediaPins {
public:
    explicit MediaPins(std::uint64_t seed) : seed_(seed) {}

    /// Connects a pin, or disconnects one when two are connected. Part of the timed work.
    void change();
    /// Checks that new buffers are zero, fills them, and checks filled ones.
    void verify();
    void close_all();

    [[nodiscard]] std::uint32_t errors() const { return errors_; }
    [[nodiscard]] const std::string& first_error() const { return first_error_; }

private:
    struct Pin {
        game::MediaAllocator* allocator;
        std::uint32_t bytes;
        std::uint32_t seed;
        bool filled;
    };
    void check(bool good, const char* what);

    std::uint64_t seed_;
    std::uint64_t connections_ = 0;
    std::vector<Pin> pins_;
    std::uint32_t errors_ = 0;
    std::string first_error_;
};

}  // namespace mp::app
