// Somebody writes behind the end of his block, by up to 32 bytes: what he hits is changed, and nothing else ever is.
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace mp;
using test::Filled;

constexpr std::size_t kGranule = os::kGranule;
constexpr std::size_t kMost = 32;  // bytes that are written behind the end

std::uintptr_t value_of(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address);
}

Filled make(std::size_t size, std::uint32_t seed) {
    const Filled block{static_cast<unsigned char*>(mp_malloc(size)), size, seed};
    if (block.bytes != nullptr) {
        block.fill();
    }
    return block;
}

/// Who overruns what: a live block, the free one behind it, and another free one further on.
struct Place {
    const unsigned char* block;
    const unsigned char* next;
    const unsigned char* other;
};

/// What is written: each word of it.
struct Damage {
    const char* name;
    std::uintptr_t (*word)(const Place& at);
};
constexpr Damage kDamages[] = {
    {"zeros", [](const Place&) { return std::uintptr_t{0}; }},
    {"ones", [](const Place&) { return ~std::uintptr_t{0}; }},
    {"a small number", [](const Place&) { return std::uintptr_t{1000}; }},
    {"a place outside", [](const Place&) { return value_of(&kMost); }},
    {"a live block", [](const Place& at) { return value_of(at.block); }},
    {"inside a live block", [](const Place& at) { return value_of(at.block + 8); }},
    {"an odd address", [](const Place& at) { return value_of(at.block + 3); }},
    {"the free block", [](const Place& at) { return value_of(at.next); }},
    {"another free block", [](const Place& at) { return value_of(at.other); }},
    {"inside the free block", [](const Place& at) { return value_of(at.next + 8); }},
    {"the span's header", [](const Place& at) { return value_of(at.block) & ~(kGranule - 1); }},
    {"the span's last bytes", [](const Place& at) { return (value_of(at.block) | (kGranule - 1)) - 7; }},
};

class Overruns : public testing::TestWithParam<std::size_t> {
protected:
    /// Every second block of some spans is free, put into its list by `free_them`; each live one is overrun into it.
    void overrun(const Damage& damage, const std::function<void(const std::vector<unsigned char*>&)>& free_them) {
        const std::size_t size = GetParam();
        std::vector<Filled> blocks;
        for (std::uint32_t i = 0; i < 3 * kGranule / size + 200; ++i) {
            blocks.push_back(make(size, i));
            ASSERT_NE(blocks.back().bytes, nullptr);
        }
        std::ranges::sort(blocks, {}, &Filled::bytes);
        std::vector<unsigned char*> freed;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            if (i % 2 == 0) {
                live_.push_back(blocks[i]);
            } else {
                freed.push_back(blocks[i].bytes);
            }
        }
        free_them(freed);
        std::size_t overruns = 0;
        for (const Filled& block : live_) {
            unsigned char* const end = block.bytes + mp_usable_size(block.bytes);
            const auto next = std::ranges::lower_bound(freed, end);
            if (next != freed.end() && *next == end) {
                const auto other = next + 1 == freed.end() ? freed.begin() : next + 1;
                const std::uintptr_t word = damage.word({.block = block.bytes, .next = end, .other = *other});
                for (std::size_t at = 0; at < std::min(kMost, size); at += sizeof word) {
                    std::memcpy(end + at, &word, std::min(sizeof word, size - at));
                }
                ++overruns;
            }
        }
        ASSERT_GT(overruns, 3u) << "no free block behind a live one";
    }

    /// New blocks lie apart from all others, and nobody's contents change.
    void check(std::uint32_t seed) {
        for (std::uint32_t i = 0; i < 400; ++i) {
            live_.push_back(make(GetParam(), seed + i));
            ASSERT_NE(live_.back().bytes, nullptr);
        }
        std::ranges::sort(live_, {}, &Filled::bytes);
        for (std::size_t i = 0; i + 1 < live_.size(); ++i) {
            ASSERT_LE(live_[i].bytes + live_[i].size, live_[i + 1].bytes) << "two blocks in one place";
        }
        for (const Filled& block : live_) {
            ASSERT_TRUE(block.intact());
            ASSERT_GE(mp_usable_size(block.bytes), block.size);
        }
    }

    void end() {
        for (const Filled& block : live_) {
            ASSERT_EQ(mp_free(block.bytes), 1);
        }
        live_.clear();
        mp_trim(0);
    }

    std::vector<Filled> live_;
};

void free_all(const std::vector<unsigned char*>& blocks) {
    for (unsigned char* const block : blocks) {
        ASSERT_EQ(mp_free(block), 1);
    }
}

void free_elsewhere(const std::vector<unsigned char*>& blocks) {
    std::thread([&blocks] {
        free_all(blocks);
        mp_thread_end();
    }).join();
}

TEST_P(Overruns, IntoFreeBlocksSpreadToNoOther) {
    for (const Damage& damage : kDamages) {
        SCOPED_TRACE(damage.name);
        ASSERT_NO_FATAL_FAILURE(overrun(damage, free_all));
        ASSERT_NO_FATAL_FAILURE(check(1000));
        ASSERT_NO_FATAL_FAILURE(end());
    }
}

TEST_P(Overruns, IntoBlocksThatAnotherThreadFreedSpreadToNoOther) {
    for (const Damage& damage : kDamages) {
        SCOPED_TRACE(damage.name);
        ASSERT_NO_FATAL_FAILURE(overrun(damage, free_elsewhere));
        ASSERT_NO_FATAL_FAILURE(check(1000));
        ASSERT_NO_FATAL_FAILURE(end());
    }
}

TEST_P(Overruns, AreSurvivedByATrim) {
    for (const Damage& damage : kDamages) {
        SCOPED_TRACE(damage.name);
        ASSERT_NO_FATAL_FAILURE(overrun(damage, free_all));
        mp_trim(0);
        ASSERT_NO_FATAL_FAILURE(check(1000));
        mp_trim(0);
        ASSERT_NO_FATAL_FAILURE(check(2000));
        ASSERT_NO_FATAL_FAILURE(end());
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Overruns, testing::Values(16, 24, 64, 200, 1000, 1024, 2000, 5000),
                         [](const auto& size) { return std::to_string(size.param); });

// Blocks of the smallest size fill their span to its last byte.
TEST(OverrunsOfASpan, DoNotReachWhatTheNextOneKnowsOfItself) {
    std::vector<unsigned char*> blocks;
    for (std::size_t i = 0; i < 6 * kGranule / MP_MIN_ALIGNMENT; ++i) {
        blocks.push_back(static_cast<unsigned char*>(mp_malloc(MP_MIN_ALIGNMENT)));
    }
    std::size_t overruns = 0;
    for (const unsigned char* const block : blocks) {
        unsigned char* const end = const_cast<unsigned char*>(block) + MP_MIN_ALIGNMENT;
        if (value_of(end) % kGranule == 0 && mp_owns(end) != 0) {
            std::memset(end, 0xFF, kMost);
            ++overruns;
        }
    }
    ASSERT_GT(overruns, 1u);
    const std::vector<unsigned char*> others(blocks.begin(),
                                             blocks.begin() + static_cast<std::ptrdiff_t>(blocks.size() / 2));
    free_elsewhere(others);
    free_all({blocks.begin() + static_cast<std::ptrdiff_t>(blocks.size() / 2), blocks.end()});
    std::ranges::generate(blocks, [] { return static_cast<unsigned char*>(mp_malloc(MP_MIN_ALIGNMENT)); });
    std::ranges::sort(blocks);
    EXPECT_EQ(std::ranges::adjacent_find(blocks), blocks.end());
    free_all(blocks);
    mp_trim(0);
}

constexpr std::size_t kTwelfth = 5000;  // twelve blocks of it are a span

/// All blocks of a fresh span, in the order of their addresses.
std::vector<Filled> whole_span() {
    std::vector<Filled> blocks;
    do {
        blocks.push_back(make(kTwelfth, static_cast<std::uint32_t>(blocks.size())));
    } while (blocks.size() < 2 || value_of(blocks.back().bytes) % kGranule > kTwelfth);
    blocks.erase(blocks.begin(), blocks.end() - 1);
    std::generate_n(std::back_inserter(blocks), 11, [i = 0U]() mutable { return make(kTwelfth, ++i); });
    return blocks;
}

void write_link(void* block, const void* next) {
    std::memcpy(block, static_cast<const void*>(&next), sizeof next);
}

// Blocks that wait for their reuse are no longer live, and not free yet.
TEST(OverrunsOfASpan, DoNotTakeItFromBlocksThatWait) {
    const std::vector<Filled> blocks = whole_span();
    for (const std::size_t i : {11U, 10U}) {
        ASSERT_EQ(mp_free(blocks[i].bytes), 1);
    }
    ASSERT_EQ(mp_malloc(kTwelfth), blocks[10].bytes);
    for (std::size_t i = 0; i < 11; ++i) {
        ASSERT_NE(mp_end_life(blocks[i].bytes), 0u);
    }
    write_link(blocks[11].bytes, blocks[11].bytes);  // the list never ends
    mp_trim(0);
    for (std::size_t i = 0; i < 11; ++i) {
        ASSERT_NE(mp_owns(blocks[i].bytes), 0);
        ASSERT_NE(mp_reuse(blocks[i].bytes), 0u);
    }
}

// A list that runs into another one of the span hands out what is counted as free: the count falls below the truth.
TEST(OverrunsOfASpan, DoNotTakeItFromBlocksThatLive) {
    const std::vector<Filled> blocks = whole_span();
    for (const std::size_t i : {11U, 10U}) {
        ASSERT_EQ(mp_free(blocks[i].bytes), 1);
    }
    free_elsewhere({blocks[0].bytes, blocks[1].bytes, blocks[2].bytes});
    ASSERT_EQ(mp_malloc(kTwelfth), blocks[10].bytes);
    write_link(blocks[11].bytes, blocks[2].bytes);
    for (const std::size_t i : {11U, 2U, 1U, 0U}) {
        ASSERT_EQ(mp_malloc(kTwelfth), blocks[i].bytes);
    }
    for (const std::size_t i : {0U, 1U, 2U, 6U, 7U, 8U, 9U, 10U, 11U}) {
        ASSERT_EQ(mp_free(blocks[i].bytes), 1);
    }
    mp_trim(0);
    std::vector<void*> others;
    std::generate_n(std::back_inserter(others), 100, [] { return std::memset(mp_malloc(1000), 0xEE, 1000); });
    for (const std::size_t i : {3U, 4U, 5U}) {
        ASSERT_NE(mp_usable_size(blocks[i].bytes), 0u);
        ASSERT_TRUE(blocks[i].intact());
        ASSERT_EQ(mp_free(blocks[i].bytes), 1);
    }
}

}  // namespace
