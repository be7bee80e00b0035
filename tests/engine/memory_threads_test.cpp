// The engine's memory system under threads: contents, counts and structures stay true.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "game/functions.h"
#include "memory_test_support.h"

namespace mp::standin::test {
namespace {

constexpr int kThreads = 8;

/// Blocks on their way from one thread to another.
class Exchange {
public:
    /// Leaves a block and takes another one, if there are enough.
    PatternBlock swap(PatternBlock block) {
        const std::lock_guard guard(mutex_);
        blocks_.push_back(block);
        if (blocks_.size() < 64) {
            return {};
        }
        std::swap(blocks_.front(), blocks_.back());
        block = blocks_.back();
        blocks_.pop_back();
        return block;
    }
    std::vector<PatternBlock> take_all() { return std::move(blocks_); }

private:
    std::mutex mutex_;
    std::vector<PatternBlock> blocks_;
};

std::uint32_t random_size(std::uint32_t& state) {
    switch (next_random(state) % 10) {
    case 0:
        return next_random(state) % 20'000;
    case 1:
    case 2:
        return next_random(state) % 2000;
    default:
        return next_random(state) % 600;
    }
}

/// One thread's part: allocate, check, resize, free, and hand over.
class Worker {
public:
    Worker(std::uint32_t seed, Exchange& exchange, std::atomic<int>& defects)
        : state_(seed), exchange_(exchange), defects_(defects) {}

    void run(int operations) {
        const InContext in_default(context::kDefault);
        for (int i = 0; i < operations; ++i) {
            step();
        }
        while (!live_.empty()) {
            drop(pick());
        }
    }

private:
    void step() {
        const std::uint32_t choice = next_random(state_) % 100;
        if (live_.size() < 50 || (choice < 45 && live_.size() < 300)) {
            add(allocate_block());
        } else if (choice < 70) {
            drop(pick());
        } else if (choice < 80) {
            add(resize(pick()));
        } else {
            add(exchange_.swap(pick()));
        }
    }
    PatternBlock allocate_block() {
        const std::uint32_t size = random_size(state_);
        const PatternBlock block{static_cast<std::uint8_t*>(allocate(size)), size, static_cast<std::uint8_t>(state_)};
        block.fill();
        return block;
    }
    PatternBlock resize(PatternBlock block) {
        const std::uint32_t size = random_size(state_);
        const std::uint32_t kept = std::min(size, block.size);
        block.data = static_cast<std::uint8_t*>(fn::kReallocate2(&manager(), block.data, size));
        block.size = size;
        defects_ += block.holds(kept) ? 0 : 1;
        block.fill();
        return block;
    }
    void drop(const PatternBlock& block) {
        defects_ += block.intact() && size_of(block.data) >= block.size ? 0 : 1;
        deallocate(block.data);
    }
    void add(const PatternBlock& block) {
        if (block.data != nullptr) {
            live_.push_back(block);
        }
    }
    PatternBlock pick() {
        std::swap(live_[next_random(state_) % live_.size()], live_.back());
        const PatternBlock block = live_.back();
        live_.pop_back();
        return block;
    }

    std::uint32_t state_;
    Exchange& exchange_;
    std::atomic<int>& defects_;
    std::vector<PatternBlock> live_;
};

template <typename Work>
void on_threads(Work work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back(work, i);
    }
    std::ranges::for_each(threads, [](std::thread& thread) { thread.join(); });
}

struct Totals {
    std::uint32_t allocations;
    std::uint32_t frees;
};
Totals totals() {
    const AllocatorEntries pools = total_pool_entries();
    return {pools.allocations + engine_counters.heaps[0].allocations, pools.frees + engine_counters.heaps[0].frees};
}

TEST(EngineThreads, EightThreadsKeepContentsCountsAndStructures) {
    auto* const heap = at<game::MemoryHeap>(manager().heap_by_context[context::kDefault]);
    const std::uint32_t live_before = heap->live_bytes;
    const Totals before = totals();
    Exchange exchange;
    std::atomic<int> defects = 0;
    on_threads([&](int i) { Worker(static_cast<std::uint32_t>(i) * 7919 + 1, exchange, defects).run(10'000); });
    for (const PatternBlock& block : exchange.take_all()) {
        defects += block.intact() ? 0 : 1;
        deallocate(block.data);
    }
    EXPECT_EQ(defects, 0);
    EXPECT_EQ(heap->live_bytes, live_before);
    EXPECT_TRUE(chain_is_sound(heap));
    const Totals after = totals();
    EXPECT_GT(after.allocations - before.allocations, 10'000U * kThreads / 4);
    EXPECT_EQ(after.allocations - before.allocations, after.frees - before.frees);
}

TEST(EngineThreads, PurgeAndSortRunBesideAllocation) {
    std::atomic<bool> done = false;
    std::thread maintenance([&] {
        for (std::uint32_t i = 0; !done; ++i) {
            fn::kSortPool(i % 256);
            if (i % 64 == 0) {
                fn::kPurgePools();
            }
        }
    });
    std::atomic<int> defects = 0;
    Exchange exchange;
    on_threads([&](int i) { Worker(static_cast<std::uint32_t>(i) + 77, exchange, defects).run(2000); });
    done = true;
    maintenance.join();
    for (const PatternBlock& block : exchange.take_all()) {
        deallocate(block.data);
    }
    EXPECT_EQ(defects, 0);
}

TEST(EngineThreads, ScrapHeapsOfEightThreadsShareTheCacheSafely) {
    std::atomic<int> defects = 0;
    on_threads([&](int i) {
        std::uint32_t state = static_cast<std::uint32_t>(i) + 5;
        for (int round = 0; round < 50; ++round) {
            game::ScrapHeap heap{};
            fn::kScrapInit(&heap);
            std::vector<PatternBlock> blocks;
            for (int n = 0; n < 40; ++n) {
                const std::uint32_t size = next_random(state) % 9000;
                auto* const data = static_cast<std::uint8_t*>(fn::kScrapAllocate(&heap, size, 4));
                blocks.push_back({data, size, static_cast<std::uint8_t>(n)});
                blocks.back().fill();
            }
            while (!blocks.empty()) {
                defects += blocks.back().intact() ? 0 : 1;
                fn::kScrapFree(&heap, blocks.back().data);
                blocks.pop_back();
            }
            defects += heap.cursor == heap.base ? 0 : 1;
            fn::kScrapPurge(&heap);
        }
    });
    EXPECT_EQ(defects, 0);
}

}  // namespace
}  // namespace mp::standin::test
