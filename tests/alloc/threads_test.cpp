// Many threads: blocks cross them, owners end, threads come without any set-up.
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace mp;
using test::Filled;

// A place where threads leave blocks for each other.
class Exchange {
public:
    // Puts a block in and takes another one out, or an empty one.
    Filled swap(std::size_t slot, const Filled& block) {
        const std::scoped_lock lock(locks_[slot % kSlots]);
        Filled old = slots_[slot % kSlots];
        slots_[slot % kSlots] = block;
        return old;
    }
    static constexpr std::size_t kSlots = 509;

private:
    std::array<std::mutex, kSlots> locks_;
    std::array<Filled, kSlots> slots_{};
};

bool verified_free(const Filled& block) {
    return block.bytes == nullptr || (block.intact() && mp_free(block.bytes) == 1);
}

bool churn(Exchange& exchange, std::uint64_t seed, std::uint64_t steps) {
    test::Random random(seed);
    bool good = true;
    for (std::uint64_t i = 0; good && i < steps; ++i) {
        Filled block;
        block.size = random.block_size();
        block.seed = static_cast<std::uint32_t>(random.next());
        block.bytes = static_cast<unsigned char*>(mp_malloc(block.size));
        good = block.bytes != nullptr;
        if (!good) {
            break;
        }
        block.fill();
        if (random.below(10) == 0) {
            block.bytes = static_cast<unsigned char*>(mp_realloc(block.bytes, block.size * 2));
            good = block.bytes != nullptr && block.intact();
        }
        good = good && verified_free(exchange.swap(random.below(Exchange::kSlots), block));
    }
    return good;
}

void empty(Exchange& exchange) {
    for (std::size_t slot = 0; slot < Exchange::kSlots; ++slot) {
        EXPECT_TRUE(verified_free(exchange.swap(slot, {})));
    }
}

TEST(Threads, BlocksFreedByOthersKeepTheirContentsUntilThen) {
    Exchange exchange;
    std::atomic<int> bad{0};
    std::vector<std::thread> threads;
    constexpr std::uint64_t kThreads = 8;
    const std::uint64_t steps = test::random_operations(test::kSanitized ? 160000 : 400000) / kThreads;
    for (std::uint64_t seed = 1; seed <= kThreads; ++seed) {
        threads.emplace_back([&, seed] {
            bad += churn(exchange, seed, steps) ? 0 : 1;
            mp_thread_end();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(bad, 0);
    empty(exchange);
}

TEST(Threads, ThousandsOfShortOnesLeaveNothingBehind) {
    Exchange exchange;
    std::atomic<int> bad{0};
    const int rounds = test::kSanitized ? 60 : test::kSlow ? 250 : 1250;
    std::uint64_t reserved_after_warm_up = 0;
    for (int round = 0; round < rounds; ++round) {
        std::array<std::thread, 8> threads;
        for (std::size_t i = 0; i < threads.size(); ++i) {
            const std::uint64_t seed = static_cast<std::uint64_t>(round) * 8 + i;
            threads[i] = std::thread([&, seed] {
                bad += churn(exchange, seed, 60) ? 0 : 1;
                mp_thread_end();
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        if (round == rounds / 3) {
            reserved_after_warm_up = test::stats_now().peak_reserved_bytes;
        }
    }
    EXPECT_EQ(bad, 0);
    EXPECT_LE(test::stats_now().peak_reserved_bytes, reserved_after_warm_up * 2);
    empty(exchange);
    mp_trim(0);
    EXPECT_LE(test::stats_now().committed_bytes, test::committed_without_blocks());
}

// Blocks of one word of the live bits, freed by their owner and by another thread at the same time.
TEST(Threads, FreesOfNeighboursDoNotDisturbEachOther) {
    constexpr std::size_t kBlocks = 2000;
    for (int round = 0; round < 20; ++round) {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < kBlocks; ++i) {
            blocks.push_back(mp_malloc(8));
        }
        std::atomic<int> ready{0};
        std::atomic<int> wrong{0};
        const auto free_every_second = [&](std::size_t from) {
            ++ready;
            while (ready != 2) {}
            for (std::size_t i = from; i < kBlocks; i += 2) {
                wrong += mp_free(blocks[i]) == 1 && mp_free(blocks[i]) == 0 && mp_usable_size(blocks[i]) == 0 ? 0 : 1;
            }
        };
        std::thread other([&] {
            free_every_second(1);
            mp_thread_end();
        });
        free_every_second(0);
        other.join();
        EXPECT_EQ(wrong, 0);
        std::set<void*> again;
        for (std::size_t i = 0; i < 2 * kBlocks; ++i) {
            void* const block = mp_malloc(8);
            ASSERT_TRUE(again.insert(block).second) << "handed out twice";
            ASSERT_NE(mp_usable_size(block), 0u);
        }
        for (void* const block : again) {
            ASSERT_EQ(mp_free(block), 1);
        }
    }
}

TEST(Threads, BlocksOutliveTheirThreadAndAreFreedByOthers) {
    mp_trim(0);
    const std::uint64_t before = test::stats_now().committed_bytes;
    std::vector<Filled> blocks(20000);
    std::thread owner([&blocks] {
        test::Random random(5);
        for (Filled& block : blocks) {
            block.size = random.block_size();
            block.seed = static_cast<std::uint32_t>(random.next());
            block.bytes = static_cast<unsigned char*>(mp_malloc(block.size));
            block.fill();
        }
        mp_thread_end();
    });
    owner.join();
    const std::uint64_t full = test::stats_now().committed_bytes;
    for (const Filled& block : blocks) {
        ASSERT_GE(mp_usable_size(block.bytes), block.size);
        ASSERT_TRUE(verified_free(block));
    }
    // The heap has no thread any more; its memory must come back nevertheless.
    mp_trim(0);
    const std::uint64_t after = test::stats_now().committed_bytes;
    EXPECT_LT(after, before + (full - before) / 4);
}

TEST(Threads, LargeBlocksFreedByOthersAreReusableAtOnce) {
    void* block = nullptr;
    std::thread([&block] { block = mp_malloc(std::size_t{3} << 20); }).join();
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(mp_free(block), 1);
    void* again = nullptr;
    std::thread([&again] { again = mp_malloc(std::size_t{3} << 20); }).join();
    EXPECT_EQ(again, block);
    EXPECT_EQ(mp_free(again), 1);
}

// --- owners that sleep or have ended ---------------------------------------------------------------------------------

constexpr std::size_t kHoard = std::size_t{48} << 20;

std::vector<void*> hoard(std::uint64_t seed) {
    std::vector<void*> blocks;
    test::Random random(seed);
    for (std::size_t total = 0; total < kHoard;) {
        const std::size_t size = 16 + random.below(1000);
        blocks.push_back(mp_malloc(size));
        EXPECT_NE(blocks.back(), nullptr);
        total += size;
    }
    return blocks;
}

void free_all(const std::vector<void*>& blocks) {
    for (void* const block : blocks) {
        ASSERT_EQ(mp_free(block), 1);
    }
}

// A thread that allocates, and then does nothing any more until told to end.
class Sleeper {
public:
    template <typename Work>
    explicit Sleeper(Work work)
        : thread_([this, work] {
              work();
              asleep_ = true;
              while (!ends_) {
                  os::sleep_ms(1);
              }
              mp_thread_end();
          }) {
        while (!asleep_) {
            os::sleep_ms(1);
        }
    }
    ~Sleeper() {
        ends_ = true;
        thread_.join();
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

private:
    std::atomic<bool> asleep_{false};
    std::atomic<bool> ends_{false};
    std::thread thread_;
};

TEST(SleepingOwner, DoesNotKeepWhatOthersHaveFreed) {
    mp_trim(0);
    const std::uint64_t before = test::stats_now().committed_bytes;
    std::vector<void*> blocks;
    const Sleeper owner([&blocks] { blocks = hoard(1); });
    EXPECT_GT(test::stats_now().committed_bytes, before + kHoard);
    free_all(blocks);
    mp_trim(0);
    // One span per size class is still partly the owner's.
    EXPECT_LT(test::stats_now().committed_bytes, before + (std::size_t{8} << 20));
}

TEST(SleepingOwner, LeavesItsMemoryToOthersWithoutATrim) {
    mp_trim(0);
    const std::uint64_t before = test::stats_now().committed_bytes;
    std::vector<void*> blocks;
    const Sleeper owner([&blocks] { blocks = hoard(1); });
    const std::uint64_t full = test::stats_now().committed_bytes;
    free_all(blocks);
    for (std::uint64_t round = 2; round < 5; ++round) {
        free_all(hoard(round));
    }
    EXPECT_LT(test::stats_now().committed_bytes - before, (full - before) * 3 / 2);
}

// Spans that the ended thread had begun to free itself are on its own lists, not on the deferred ones.
TEST(EndedOwner, LeavesNothingWhenAllItsBlocksAreFree) {
    std::vector<void*> blocks;
    std::thread([&blocks] {
        blocks = hoard(7);
        for (std::size_t i = 0; i < blocks.size(); i += 10) {
            mp_free(blocks[i]);
            blocks[i] = nullptr;
        }
        mp_thread_end();
    }).join();
    std::erase(blocks, nullptr);
    free_all(blocks);
    mp_trim(0);
    EXPECT_LE(test::stats_now().committed_bytes, test::committed_without_blocks());
}

TEST(IdleThreads, TakeAtMostAQuarterOfAMegabyteEach) {
    mp_trim(0);
    const mp_alloc_stats before = test::stats_now();
    constexpr std::size_t kThreads = 64;
    std::vector<std::unique_ptr<Sleeper>> sleepers;
    for (std::size_t i = 0; i < kThreads; ++i) {
        sleepers.push_back(std::make_unique<Sleeper>([] {
            for (const std::size_t size : {20u, 64u, 500u}) {
                mp_free(mp_malloc(size));
            }
        }));
    }
    const mp_alloc_stats now = test::stats_now();
    const std::uint64_t used_before = before.committed_bytes - before.free_bytes;
    EXPECT_LE(now.committed_bytes - now.free_bytes - used_before, kThreads * (std::uint64_t{256} << 10));
}

// --- first calls, last calls -----------------------------------------------------------------------------------------

// Each function may be the first one a thread calls.
TEST(NewThread, NeedsNoSetUpForAnyFunction) {
    void* const block = mp_malloc(100);
    void* const other = mp_malloc(100);
    std::thread([] { EXPECT_EQ(mp_free(mp_malloc(100)), 1); }).join();
    std::thread([] { EXPECT_EQ(mp_free(mp_malloc(1000000)), 1); }).join();
    std::thread([] { EXPECT_EQ(mp_free(mp_calloc(10, 10)), 1); }).join();
    std::thread([] { EXPECT_EQ(mp_free(mp_aligned_alloc(256, 10)), 1); }).join();
    std::thread([block] { EXPECT_EQ(mp_free(mp_realloc(block, 5000)), 1); }).join();
    std::thread([other] { EXPECT_GE(mp_usable_size(other), 100u); }).join();
    std::thread([other] { EXPECT_TRUE(mp_owns(other)); }).join();
    std::thread([other] { EXPECT_EQ(mp_free(other), 1); }).join();
    std::thread([] { mp_trim(0); }).join();
    std::thread([] { EXPECT_GT(test::stats_now().peak_reserved_bytes, 0u); }).join();
    std::thread([] { mp_thread_end(); }).join();
}

TEST(ThreadEnd, MayBeFollowedByMoreAllocations) {
    std::thread([] {
        Filled kept{static_cast<unsigned char*>(mp_malloc(500)), 500, 77};
        kept.fill();
        for (int i = 0; i < 5; ++i) {
            mp_thread_end();
            mp_thread_end();
            Filled block{static_cast<unsigned char*>(mp_malloc(700)), 700, 78};
            ASSERT_NE(block.bytes, nullptr);
            block.fill();
            EXPECT_TRUE(verified_free(block));
        }
        EXPECT_TRUE(verified_free(kept));
        mp_thread_end();
    }).join();
}

// As modules do that the system tells of a thread's end after us.
TEST(ThreadEnd, ClaimsNothingAfterwards) {
    void* const kept_heap = mp_malloc(64);
    std::uint64_t committed = 0;
    for (int i = 0; i < 300; ++i) {
        std::thread([] {
            void* const early = mp_malloc(100);
            mp_thread_end();
            for (const std::size_t size : {std::size_t{8}, std::size_t{700}, std::size_t{9000}, std::size_t{100000}}) {
                void* const late = mp_malloc(size);
                ASSERT_NE(late, nullptr);
                EXPECT_EQ(mp_free(late), 1);
            }
            void* const aligned = mp_aligned_alloc(512, 100);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 512, 0U);
            EXPECT_EQ(mp_free(mp_realloc(aligned, 300)), 1);
            EXPECT_EQ(mp_free(early), 1);
        }).join();
        if (i == 50) {
            mp_trim(0);
            committed = test::stats_now().committed_bytes;
        }
    }
    mp_trim(0);
    EXPECT_EQ(test::stats_now().committed_bytes, committed);
    EXPECT_EQ(mp_free(kept_heap), 1);
}

TEST(ThreadEnd, HandsTheHeapToTheNextThread) {
    mp_trim(0);
    std::uint64_t reserved = 0;
    for (int i = 0; i < 200; ++i) {
        std::thread([] {
            void* const block = mp_malloc(64);
            EXPECT_EQ(mp_free(block), 1);
            mp_thread_end();
        }).join();
        if (i == 10) {
            reserved = test::stats_now().committed_bytes;
        }
    }
    EXPECT_EQ(test::stats_now().committed_bytes, reserved);
}

// Moving a start marks the whole span, whose other blocks are freed elsewhere meanwhile.
TEST(Threads, BlocksAreFreedByOthersWhileTheirNeighboursStartsAreMoved) {
    std::array<std::atomic<void*>, 64> handed{};
    std::atomic<bool> stop{false};
    std::atomic<int> bad{0};
    std::thread other([&] {
        while (!stop) {
            for (std::atomic<void*>& slot : handed) {
                void* const block = slot.exchange(nullptr);
                bad += block == nullptr || mp_free(block) == 1 ? 0 : 1;
            }
        }
        mp_thread_end();
    });
    for (int i = 0; i < 20000; ++i) {
        void* const block = i % 2 == 0 ? mp_malloc(556) : mp_aligned_alloc(256, 300);
        if (void* const left = handed[static_cast<std::size_t>(i) % handed.size()].exchange(block); left != nullptr) {
            bad += mp_free(left) == 1 ? 0 : 1;
        }
    }
    stop = true;
    other.join();
    for (const std::atomic<void*>& slot : handed) {
        bad += slot == nullptr || mp_free(slot) == 1 ? 0 : 1;
    }
    EXPECT_EQ(bad, 0);
}

TEST(Threads, OwnershipMayBeAskedWhileMemoryComesAndGoes) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        threads.emplace_back([&stop, seed] {
            test::Random random(seed);
            std::size_t owned = 0;
            while (!stop) {
                owned += mp_owns(reinterpret_cast<void*>(static_cast<std::uintptr_t>(random.next()))) ? 1 : 0;
            }
            EXPECT_LT(owned, SIZE_MAX);
        });
    }
    void* const witness = mp_malloc(100);
    for (int i = 0; i < 300; ++i) {
        void* const large = mp_malloc(std::size_t{17} << 20);
        ASSERT_TRUE(mp_owns(large));
        ASSERT_TRUE(mp_owns(witness));
        ASSERT_EQ(mp_free(large), 1);
        mp_trim(0);
        ASSERT_FALSE(mp_owns(large));
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(mp_free(witness), 1);
}

TEST(Threads, StatisticsAndTrimMayRunBesideAllocations) {
    Exchange exchange;
    std::atomic<int> bad{0};
    std::atomic<int> running{3};
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        threads.emplace_back([&, seed] {
            bad += churn(exchange, seed, test::kSanitized ? 3000 : 20000) ? 0 : 1;
            mp_thread_end();
            --running;
        });
    }
    while (running != 0) {
        mp_trim(0);
        const mp_alloc_stats stats = test::stats_now();
        EXPECT_LE(stats.free_bytes, stats.committed_bytes);
        EXPECT_LE(stats.committed_bytes, stats.reserved_bytes);
        EXPECT_LE(stats.committed_bytes, stats.peak_committed_bytes);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(bad, 0);
    empty(exchange);
}

}  // namespace
