// The end of a loading screen is told once, and takes nothing away.
#include "plugin/loading_screen.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace mp::test {
namespace {

bool show_frame(std::int32_t kind) {
    return plugin::loading_screen::ends_with({"NVSE", nvse::kMessageFramePresent, sizeof kind, &kind});
}

TEST(LoadingScreen, EndsWithTheFirstFrameOfTheGameAfterIt) {
    EXPECT_FALSE(show_frame(0));
    EXPECT_FALSE(show_frame(1));
    EXPECT_FALSE(show_frame(1));
    EXPECT_TRUE(show_frame(0));
    EXPECT_FALSE(show_frame(0));
}

TEST(LoadingScreen, EndsWithTheEndOfLoadingASave) {
    EXPECT_TRUE(plugin::loading_screen::ends_with({"NVSE", nvse::kMessagePostLoadGame, 1, nullptr}));
    EXPECT_FALSE(plugin::loading_screen::ends_with({"NVSE", nvse::kMessageMainGameLoop, 0, nullptr}));
    EXPECT_FALSE(plugin::loading_screen::ends_with({"NVSE", nvse::kMessageFramePresent, 0, nullptr}));
}

TEST(LoadingScreen, IsOnFromItsFirstFrameOrTheReadingOfASaveToTheFirstFrameOfTheGame) {
    namespace screen = plugin::loading_screen;
    const auto tell = [](std::uint32_t type) { screen::ends_with({"NVSE", type, 0, nullptr}); };
    EXPECT_FALSE(screen::is_on());
    show_frame(1);
    EXPECT_TRUE(screen::is_on());
    show_frame(0);
    EXPECT_FALSE(screen::is_on());
    tell(nvse::kMessagePreLoadGame);
    EXPECT_TRUE(screen::is_on());
    show_frame(1);
    tell(nvse::kMessagePostLoadGame);
    EXPECT_TRUE(screen::is_on()) << "the screen stands until the game's first frame";
    show_frame(0);
    EXPECT_FALSE(screen::is_on());
    tell(nvse::kMessagePreLoadGame);
    tell(nvse::kMessagePostLoadGame);
    EXPECT_FALSE(screen::is_on()) << "an extender that tells of no frames";
}

}  // namespace
}  // namespace mp::test
