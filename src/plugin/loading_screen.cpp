#include "plugin/loading_screen.h"

#include <cstring>

namespace mp::plugin::loading_screen {

namespace {

enum class Frame : std::int32_t { game = 0, loading = 1 };

bool g_loading = false;

Frame frame_of(const nvse::Message& message) noexcept {
    std::int32_t kind = 0;
    if (message.data != nullptr && message.data_length >= sizeof kind) {
        std::memcpy(&kind, message.data, sizeof kind);
    }
    return static_cast<Frame>(kind);
}

}  // namespace

bool ends_with(const nvse::Message& message) noexcept {
    if (message.type == nvse::kMessagePostLoadGame) {
        return true;
    }
    if (message.type != nvse::kMessageFramePresent) {
        return false;
    }
    const bool was_loading = g_loading;
    g_loading = frame_of(message) == Frame::loading;
    return was_loading && !g_loading;
}

}  // namespace mp::plugin::loading_screen
