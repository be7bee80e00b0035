// Memory goes back when a loading screen ends, and at no other frame.
#include "plugin/loading_screen.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "alloc/mp_alloc.h"

namespace mp::test {
namespace {

constexpr std::size_t kBlock = 1000;
constexpr std::size_t kBlocks = 400'000;

void show_frame(std::int32_t kind) {
    plugin::loading_screen::on_message({"NVSE", nvse::kMessageFramePresent, sizeof kind, &kind});
}

std::uint64_t committed_and_free() {
    mp_alloc_stats stats{};
    mp_stats(&stats);
    return stats.free_bytes;
}

/// Frees a part of many blocks: more free memory stays than is kept after a loading screen.
class LoadingScreen : public testing::Test {
protected:
    void SetUp() override {
        for (void*& block : blocks_) {
            block = mp_malloc(kBlock);
            ASSERT_NE(block, nullptr);
        }
        free_blocks(kBlocks / 2);
        show_frame(0);
        before_ = committed_and_free();
        ASSERT_GT(before_, plugin::loading_screen::kKept);
    }

    void TearDown() override { free_blocks(0); }

    void free_blocks(std::size_t from) {
        for (std::size_t i = from; i < kBlocks; ++i) {
            mp_free(std::exchange(blocks_[i], nullptr));
        }
    }

    std::vector<void*> blocks_ = std::vector<void*>(kBlocks);
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
