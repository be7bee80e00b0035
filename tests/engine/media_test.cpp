// The DirectShow sample allocator's protocol.
#include "game/functions.h"
#include "map/addresses.h"
#include "media/media.h"
#include "memory/engine.h"
#include "memory_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace mp::standin::test {
namespace {

class Media : public testing::Test {
protected:
    void SetUp() override { allocator = create_media_allocator(); }
    void TearDown() override {
        if (allocator != nullptr) {
            destroy_media_allocator(allocator);
        }
    }
    [[nodiscard]] std::vector<std::uint32_t> sample_buffers() const {
        std::vector<std::uint32_t> buffers;
        for (game::Ptr32 s = allocator->free_samples; s != 0; s = at<game::MediaSample>(s)->next) {
            buffers.push_back(fields_of(*at<game::MediaSample>(s)).buffer);
        }
        std::reverse(buffers.begin(), buffers.end());
        return buffers;
    }
    game::MediaAllocator* allocator = nullptr;
};

TEST_F(Media, WithoutSizesTheBaseCheckRefuses) {
    EXPECT_LT(commit_media(*allocator), 0);
    set_media_properties(*allocator, {4, 0, 1, 0});
    EXPECT_LT(commit_media(*allocator), 0);
    EXPECT_EQ(allocator->buffer, 0U);
}

TEST_F(Media, CommitMakesOneZeroedBufferAndASamplePerPart) {
    set_media_properties(*allocator, {5, 1000, 1, 24});
    KernelProbe kernel;
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    // The sample objects may cost a page of their pool besides, at an address that is given.
    const auto for_buffer = [](const KernelProbe::Call& c) {
        return c.address == 0 && c.bytes == 5 * 1024 && c.type == sys::kCommit;
    };
    EXPECT_EQ(std::count_if(kernel.allocs().begin(), kernel.allocs().end(), for_buffer), 1);
    EXPECT_EQ(allocator->buffer % 0x10000, 0U);
    EXPECT_EQ(allocator->free_count, 5U);
    EXPECT_EQ(allocator->allocated, 5U);
    EXPECT_EQ(allocator->changed, 0U);
    const std::vector<std::uint32_t> buffers = sample_buffers();
    ASSERT_EQ(buffers.size(), 5U);
    for (std::uint32_t i = 0; i < 5; ++i) {
        EXPECT_EQ(buffers[i], allocator->buffer + 1024 * i + 24);
        EXPECT_TRUE(std::all_of(at<std::uint8_t>(buffers[i]), at<std::uint8_t>(buffers[i] + 1000),
                                [](auto b) { return b == 0; }));
    }
}

TEST_F(Media, DistanceIsRoundedUpToAMultipleOfAnyAlignment) {
    set_media_properties(*allocator, {3, 100, 48, 0});
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    const std::vector<std::uint32_t> buffers = sample_buffers();
    EXPECT_EQ(buffers[1] - buffers[0], 144U);
    EXPECT_EQ(buffers[2] - buffers[1], 144U);
}

TEST_F(Media, CommittingAgainWithoutAChangeTouchesNothing) {
    set_media_properties(*allocator, {2, 100, 1, 0});
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    const std::uint32_t buffer = allocator->buffer;
    KernelProbe kernel;
    EXPECT_EQ(commit_media(*allocator), game::kHresultOk);
    EXPECT_EQ(allocator->buffer, buffer);
    EXPECT_TRUE(kernel.allocs().empty() && kernel.frees().empty());
}

TEST_F(Media, ChangedSizesReplaceBufferAndSamples) {
    set_media_properties(*allocator, {2, 100, 1, 0});
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    set_media_properties(*allocator, {7, 5000, 16, 0});
    KernelProbe kernel;
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    ASSERT_EQ(kernel.frees().size(), 1U);
    EXPECT_EQ(kernel.frees()[0].type, sys::kRelease);
    EXPECT_TRUE(kernel.frees()[0].succeeded);
    EXPECT_EQ(allocator->free_count, 7U);
}

TEST_F(Media, WithoutMemoryThereAreNoSamplesAndTheNextCommitWorks) {
    set_media_properties(*allocator, {2, 100, 1, 0});
    KernelProbe kernel;
    kernel.fail_next(1);
    EXPECT_EQ(commit_media(*allocator), game::kHresultOutOfMemory);
    EXPECT_EQ(allocator->allocated, 0U);
    EXPECT_EQ(commit_media(*allocator), game::kHresultOk);
    EXPECT_EQ(allocator->allocated, 2U);
}

TEST_F(Media, DestructionReleasesTheBufferAndEverySample) {
    set_media_properties(*allocator, {6, 100, 1, 0});
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    const std::uint32_t buffer = allocator->buffer;
    destroy_media_allocator(allocator);
    allocator = nullptr;
    EXPECT_EQ(page_state(buffer), static_cast<DWORD>(MEM_FREE));
}

TEST_F(Media, ReallyFreeEmptiesTheListAndTheCounts) {
    set_media_properties(*allocator, {6, 100, 1, 0});
    ASSERT_EQ(commit_media(*allocator), game::kHresultOk);
    fn::kMediaReallyFree(allocator);
    EXPECT_EQ(allocator->free_samples, 0U);
    EXPECT_EQ(allocator->free_count, 0U);
    EXPECT_EQ(allocator->allocated, 0U);
    EXPECT_EQ(allocator->buffer, 0U);
}

}  // namespace
}  // namespace mp::standin::test
