#include "plugin/loading_screen.h"

#include <cstring>

namespace mp::plugin::loading_screen {

namespace {

enum class Frame : std::int32_t { game = 0, loading = 1 };

bool g_loading = false;  // what the last frame was of
bool g_reading = false;  // a save, and no frame of the game has come since

Frame frame_of(const nvse::Message& message) noexcept {
    std::int32_t kind = 0;
    if (message.data != nullptr && message.data_length >= sizeof kind) {
        std::memcpy(&kind, message.data, sizeof kind);
    }
    return static_cast<Frame>(kind);
}

}  // namespace

bool ends_with(const nvse::Message& message) noexcept {
    if (message.type == nvse::kMessagePreLoadGame) {
        g_reading = true;
        return false;
    }
    if (message.type == nvse::kMessagePostLoadGame) {
        g_reading = false;
        return true;
    }
    if (message.type != nvse::kMessageFramePresent) {
        return false;
    }
    const bool was_loading = g_loading;
    g_loading = frame_of(message) == Frame::loading;
    g_reading = g_reading && g_loading;
    return was_loading && !g_loading;
}

bool is_on() noexcept {
    return g_loading || g_reading;
}

}  // namespace mp::plugin::loading_screen
