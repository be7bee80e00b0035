// Memory goes back when a loading screen ends, and at no other frame.
#include "plugin/loading_screen.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "alloc/mp_alloc.h"

namespace mp::test {
namespace {

constexpr std::size_t kBlock = 1000;
constexpr std::size_t kBlocks = 200'000;

void show_frame(std::int32_t kind) {
    plugin::loading_screen::on_message({"NVSE", nvse::kMessageFramePresent, sizeof kind, &kind});
}

std::uint64_t committed_and_free() {
    mp_alloc_stats stats{};
    mp_stats(&stats);
    return stats.free_bytes;
}

/// Leaves more free memory behind than is kept.
class LoadingScreen : public testing::Test {
protected:
    void SetUp() override {
        std::vector<void*> blocks(kBlocks);
        for (void*& block : blocks) {
            block = mp_malloc(kBlock);
            ASSERT_NE(block, nullptr);
        }
        for (void* const block : blocks) {
            mp_free(block);
        }
        show_frame(0);
        before_ = committed_and_free();
        ASSERT_GT(before_, plugin::loading_screen::kKept);
    }

    std::uint64_t before_ = 0;
};

TEST_F(LoadingScreen, FramesOfTheGameGiveNothingBack) {
    for (int i = 0; i < 3; ++i) {
        show_frame(0);
        plugin::loading_screen::on_message({"NVSE", nvse::kMessageMainGameLoop, 0, nullptr});
        plugin::loading_screen::on_message({"NVSE", nvse::kMessageFramePresent, 0, nullptr});
    }
    EXPECT_EQ(committed_and_free(), before_);
}

TEST_F(LoadingScreen, ItsEndGivesBackAllButWhatIsKept) {
    show_frame(1);
    show_frame(1);
    EXPECT_EQ(committed_and_free(), before_) << "while it loads";
    show_frame(0);
    EXPECT_LE(committed_and_free(), plugin::loading_screen::kKept);
}

TEST_F(LoadingScreen, TheEndOfLoadingASaveGivesBackAllButWhatIsKept) {
    plugin::loading_screen::on_message({"NVSE", nvse::kMessagePostLoadGame, 1, nullptr});
    EXPECT_LE(committed_and_free(), plugin::loading_screen::kKept);
}

}  // namespace
}  // namespace mp::test
