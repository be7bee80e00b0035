// Long random runs of one thread against a map of intervals.
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace {

using namespace mp;
using test::Filled;

class LiveBlocks {
public:
    // Fails when the block touches another live one.
    ::testing::AssertionResult add(const Filled& block) {
        const auto begin = reinterpret_cast<std::uintptr_t>(block.bytes);
        const std::uintptr_t end = begin + mp_usable_size(block.bytes);
        auto after = by_begin_.lower_bound(begin);
        if (after != by_begin_.end() && after->first < end) {
            return ::testing::AssertionFailure() << "overlaps the block after it";
        }
        if (after != by_begin_.begin() && std::prev(after)->second > begin) {
            return ::testing::AssertionFailure() << "overlaps the block before it";
        }
        by_begin_[begin] = end;
        blocks_.push_back(block);
        return ::testing::AssertionSuccess();
    }
    Filled take(std::size_t at) {
        const Filled block = blocks_[at];
        blocks_[at] = blocks_.back();
        blocks_.pop_back();
        by_begin_.erase(reinterpret_cast<std::uintptr_t>(block.bytes));
        return block;
    }
    [[nodiscard]] std::size_t size() const { return blocks_.size(); }

private:
    std::map<std::uintptr_t, std::uintptr_t> by_begin_;
    std::vector<Filled> blocks_;
};

class ModelRun : public ::testing::TestWithParam<std::uint64_t> {
protected:
    void allocate() {
        Filled block;
        block.size = random.block_size();
        block.seed = static_cast<std::uint32_t>(random.next());
        const std::size_t alignment = std::size_t{1} << random.below(14);
        void* const memory = random.below(20) == 0 ? mp_aligned_alloc(alignment, block.size) : mp_malloc(block.size);
        block.bytes = static_cast<unsigned char*>(memory);
        ASSERT_NE(block.bytes, nullptr);
        ASSERT_GE(mp_usable_size(block.bytes), block.size);
        ASSERT_TRUE(live.add(block));
        block.fill();
    }
    void resize() {
        Filled block = live.take(random.below(live.size()));
        const std::size_t size = random.block_size();
        block.bytes = static_cast<unsigned char*>(mp_realloc(block.bytes, size));
        ASSERT_NE(block.bytes, nullptr);
        ASSERT_TRUE(block.intact(std::min(block.size, size)));
        block.size = size;
        ASSERT_TRUE(live.add(block));
        block.fill();
    }
    void release() {
        const Filled block = live.take(random.below(live.size()));
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
    void step() {
        // The number of live blocks swings between few and many, so that runs split and join.
        const std::size_t goal = (count++ / 50000) % 2 == 0 ? 8000 : 500;
        if (live.size() == 0 || random.below(10) < (live.size() < goal ? 7u : 3u)) {
            allocate();
        } else if (random.below(8) == 0) {
            resize();
        } else {
            release();
        }
    }

    test::Random random{GetParam()};
    LiveBlocks live;
    std::size_t count = 0;
};

TEST_P(ModelRun, LiveBlocksNeverOverlapAndKeepTheirContents) {
    const std::uint64_t steps = test::random_operations(test::kSanitized ? 200000 : 500000);
    for (std::uint64_t i = 0; i < steps; ++i) {
        ASSERT_NO_FATAL_FAILURE(step());
        if (i % 100000 == 99999) {
            mp_trim(0);
        }
    }
    while (live.size() != 0) {
        ASSERT_NO_FATAL_FAILURE(release());
    }
    mp_trim(0);
    EXPECT_EQ(test::stats_now().free_bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelRun, ::testing::Values(1, 2));

}  // namespace
