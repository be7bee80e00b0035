// The system refuses: every allocation gives NULL or a good block, nothing crashes, and afterwards all is well.
#include "support.h"

#include <gtest/gtest.h>

#include <thread>
#include <tuple>
#include <vector>

namespace {

using namespace mp;
using test::FaultPlan;
using test::Filled;

constexpr std::uint32_t kForGood = UINT32_MAX;

// What one run saw.
struct Outcome {
    std::uint32_t refused = 0;
    bool contents_kept = true;
};

class Workload {
public:
    explicit Workload(std::uint64_t seed) : random_(seed) {}

    void run(Outcome* outcome) {
        mp_free(mp_malloc(std::size_t{20} << 20));  // a reservation of its own
        for (int step = 0; step < 150; ++step) {
            allocate(outcome);
            if (random_.below(4) == 0 && !blocks_.empty()) {
                resize(outcome);
            }
            if (random_.below(5) == 0 && !blocks_.empty()) {
                release(outcome, random_.below(blocks_.size()));
            }
        }
    }
    void release_some(Outcome* outcome) { release_down_to(outcome, blocks_.size() / 2); }
    void release_all(Outcome* outcome) { release_down_to(outcome, 0); }

private:
    void release_down_to(Outcome* outcome, std::size_t count) {
        while (blocks_.size() > count) {
            release(outcome, blocks_.size() - 1);
        }
    }
    void allocate(Outcome* outcome) {
        Filled block;
        block.size = random_.below(3) == 0 ? random_.below(150000) : random_.block_size();
        block.seed = static_cast<std::uint32_t>(random_.next());
        block.bytes = static_cast<unsigned char*>(memory(block.size));
        if (block.bytes == nullptr) {
            ++outcome->refused;
            return;
        }
        outcome->contents_kept = outcome->contents_kept && mp_usable_size(block.bytes) >= block.size;
        block.fill();
        blocks_.push_back(block);
    }
    void* memory(std::size_t size) {
        switch (random_.below(3)) {
        case 0:
            return mp_calloc(1, size);
        case 1:
            return mp_aligned_alloc(std::size_t{1} << random_.below(17), size);
        default:
            return mp_malloc(size);
        }
    }
    void resize(Outcome* outcome) {
        Filled& block = blocks_[random_.below(blocks_.size())];
        const std::size_t size = random_.block_size() * 3;
        auto* const moved = static_cast<unsigned char*>(mp_realloc(block.bytes, size));
        if (moved == nullptr) {
            ++outcome->refused;
            return;
        }
        block.bytes = moved;
        outcome->contents_kept = outcome->contents_kept && block.intact(std::min(size, block.size));
        block.size = size;
        block.fill();
    }
    void release(Outcome* outcome, std::size_t at) {
        outcome->contents_kept = outcome->contents_kept && blocks_[at].intact() && mp_free(blocks_[at].bytes) == 1;
        blocks_[at] = blocks_.back();
        blocks_.pop_back();
    }

    test::Random random_;
    std::vector<Filled> blocks_;
};

void expect_nothing_left() {
    mp_trim(0);
    ASSERT_EQ(test::stats_now().free_bytes, 0u);
    ASSERT_LE(test::stats_now().committed_bytes, test::committed_without_blocks());
}

// One thread more than the caller, so that heaps are made and given back under the faults too.
// Returns the calls that failed through `failed`.
void run_under(os::Call call, std::uint32_t first, std::uint32_t count, std::uint32_t* failed) {
    mp_trim(0);
    Workload mine(first);
    Workload of_thread(first + 1000);
    Outcome my_outcome;
    Outcome thread_outcome;
    {
        const FaultPlan plan(call, first, count);
        std::thread thread([&] {
            of_thread.run(&thread_outcome);
            mp_thread_end();
        });
        mine.run(&my_outcome);
        thread.join();
        of_thread.release_some(&thread_outcome);
        mp_trim(0);
        of_thread.release_all(&thread_outcome);
        mine.release_some(&my_outcome);
        mp_trim(0);
        mine.release_all(&my_outcome);
        mp_trim(0);
        *failed += plan.failed();
    }
    ASSERT_TRUE(my_outcome.contents_kept);
    ASSERT_TRUE(thread_outcome.contents_kept);
    void* const after = mp_malloc(3000000);
    ASSERT_NE(after, nullptr);
    ASSERT_EQ(mp_free(after), 1);
    ASSERT_NO_FATAL_FAILURE(expect_nothing_left());
}

class Faults : public ::testing::TestWithParam<std::tuple<os::Call, std::uint32_t>> {};

TEST_P(Faults, EveryAllocationIsRefusedOrGood) {
    const auto [call, count] = GetParam();
    const std::uint32_t step = test::kSlow ? 7 : 1;
    std::uint32_t failed = 0;
    for (std::uint32_t first = 1; first <= 500; first += step) {
        ASSERT_NO_FATAL_FAILURE(run_under(call, first, count, &failed)) << "from call " << first;
    }
    EXPECT_GT(failed, 0u);
}

INSTANTIATE_TEST_SUITE_P(Once, Faults,
                         ::testing::Combine(::testing::Values(os::Call::reserve, os::Call::commit, os::Call::decommit,
                                                              os::Call::release),
                                            ::testing::Values(1u)));
INSTANTIATE_TEST_SUITE_P(ForGood, Faults,
                         ::testing::Combine(::testing::Values(os::Call::reserve, os::Call::commit, os::Call::decommit,
                                                              os::Call::release),
                                            ::testing::Values(kForGood)));

// The faults must reach the workload, else the tests above prove nothing.
TEST(FaultsThemselves, AreFelt) {
    mp_trim(0);
    Outcome outcome;
    Workload workload(1);
    {
        const FaultPlan plan(os::Call::commit, 1, kForGood);
        workload.run(&outcome);
        EXPECT_GT(plan.failed(), 0u);
    }
    EXPECT_GT(outcome.refused, 0u);
    workload.release_all(&outcome);
    EXPECT_TRUE(outcome.contents_kept);
}

TEST(FaultsThemselves, AreCountedAsFailures) {
    mp_trim(0);
    const std::uint64_t before = test::stats_now().failures;
    {
        const FaultPlan plan(os::Call::commit, 1, kForGood);
        EXPECT_EQ(mp_malloc(30u << 20), nullptr);
    }
    EXPECT_EQ(test::stats_now().failures - before, 1u);
}

// rpmalloc 1.4.5 itself dereferences NULL here.
TEST(NewThread, WithoutMemoryForItsHeapGetsNullAndRecovers) {
    mp_free(mp_malloc(1));
    std::vector<std::thread> threads;
    // More threads than heaps are made at once, so that some of them need new memory.
    std::atomic<int> refused{0};
    std::atomic<int> recovered{0};
    std::atomic<int> waiting{0};
    std::atomic<bool> memory_is_back{false};
    mp_trim(0);
    constexpr int kThreads = 40;
    {
        const FaultPlan plan(os::Call::commit, 1, kForGood);
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&] {
                refused += mp_malloc(24) == nullptr && mp_calloc(1, 24) == nullptr &&
                                   mp_realloc(nullptr, 24) == nullptr && mp_aligned_alloc(64, 24) == nullptr
                               ? 1
                               : 0;
                ++waiting;
                while (!memory_is_back) {
                    os::sleep_ms(1);
                }
                void* const block = mp_malloc(24);
                recovered += mp_free(block);
                mp_thread_end();
            });
        }
        while (waiting != kThreads) {
            os::sleep_ms(1);
        }
    }
    memory_is_back = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_GT(refused, 0);
    EXPECT_EQ(recovered, kThreads);
}

// The library's very first call may find no memory at all.
TEST(FirstCall, WithoutAnyMemoryIsRefusedAndTheNextOneWorks) {
    const bool untouched = test::stats_now().peak_reserved_bytes == 0;
    {
        const FaultPlan plan(os::Call::reserve, 1, kForGood);
        for (const std::size_t size : {10u, 5000u, 100000u}) {
            void* const block = mp_malloc(size);
            EXPECT_TRUE(block == nullptr || !untouched);
            mp_free(block);
        }
    }
    void* const block = mp_malloc(10);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(mp_free(block), 1);
}

#if UINTPTR_MAX == 0xFFFFFFFFu  // a 64-bit address space cannot be filled

// Address space in shreds: no hole of 8 MB or more is left, yet everything that fits is served.
TEST(ShatteredAddressSpace, StillServesWhatFits) {
    mp_trim(0);
    std::vector<std::pair<void*, std::size_t>> foreign;
    for (std::size_t size = std::size_t{256} << 20; size >= (std::size_t{8} << 20); size /= 2) {
        while (void* const hole = os::reserve(size)) {
            foreign.emplace_back(hole, size);
        }
    }
    // Room again: some holes of 8 MB minus a granule.
    const std::size_t part = (std::size_t{8} << 20) - os::kGranule;
    int holes = 0;
    for (auto& [base, size] : foreign) {
        if (size == (std::size_t{16} << 20) || holes >= 12) {
            continue;
        }
        ASSERT_TRUE(os::release(base, size));
        if (os::reserve_at(static_cast<char*>(base) + part, size - part) != nullptr) {
            base = static_cast<char*>(base) + part;
            size -= part;
            ++holes;
        }
    }
    std::vector<Filled> blocks;
    test::Random random(41);
    std::size_t total = 0;
    while (total < (std::size_t{40} << 20)) {
        Filled block{nullptr, random.block_size(), static_cast<std::uint32_t>(total)};
        block.bytes = static_cast<unsigned char*>(mp_malloc(block.size));
        ASSERT_NE(block.bytes, nullptr) << "after " << total << " bytes";
        block.fill();
        total += block.size;
        blocks.push_back(block);
    }
    EXPECT_EQ(mp_malloc(std::size_t{20} << 20), nullptr);
    for (const Filled& block : blocks) {
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
    for (const auto& [base, size] : foreign) {
        os::release(base, size);
    }
}

#endif

}  // namespace
