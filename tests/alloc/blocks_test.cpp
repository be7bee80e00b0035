// Properties of single blocks, seen through the C interface.
#include "alloc/span_layout.h"
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace mp;
using test::Filled;

constexpr std::size_t kGranule = os::kGranule;

std::uintptr_t value_of(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address);
}

// Every size class and its neighbours, and sizes around the granules.
std::vector<std::size_t> interesting_sizes() {
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size <= 1100; ++size) {
        sizes.push_back(size);
    }
    for (std::size_t size = 1536; size <= 34000; size += 512) {
        sizes.insert(sizes.end(), {size - 1, size, size + 1});
    }
    for (std::size_t granules = 1; granules <= 5; ++granules) {
        sizes.insert(sizes.end(), {granules * kGranule - 1, granules * kGranule, granules * kGranule + 1});
    }
    sizes.insert(sizes.end(), {15871, 15872, 15873, 32255, 32256, 32257, 1000000, std::size_t{20} << 20});
    return sizes;
}

TEST(Blocks, SizeZeroGivesUniqueBlocks) {
    std::set<void*> blocks;
    for (int i = 0; i < 1000; ++i) {
        void* const block = mp_malloc(0);
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(blocks.insert(block).second);
    }
    void* const cleared = mp_calloc(0, 16);
    EXPECT_NE(cleared, nullptr);
    EXPECT_TRUE(blocks.insert(cleared).second);
    for (void* const block : blocks) {
        EXPECT_EQ(mp_free(block), 1);
    }
}

TEST(Blocks, EverySizeIsAlignedAndUsableToTheLastByte) {
    for (const std::size_t size : interesting_sizes()) {
        auto* const block = static_cast<unsigned char*>(mp_malloc(size));
        ASSERT_NE(block, nullptr) << size;
        ASSERT_EQ(value_of(block) % MP_MIN_ALIGNMENT, 0u) << size;
        const std::size_t usable = mp_usable_size(block);
        ASSERT_GE(usable, size);
        ASSERT_TRUE(mp_owns(block));
        std::memset(block, 0xA5, usable);
        ASSERT_EQ(mp_usable_size(block), usable) << size;
        ASSERT_EQ(mp_free(block), 1) << size;
    }
}

TEST(Blocks, UsableSizeIsStableWhileTheBlockLives) {
    test::Random random(3);
    std::vector<std::pair<void*, std::size_t>> blocks;
    for (int i = 0; i < 3000; ++i) {
        void* const block = mp_malloc(random.block_size());
        ASSERT_NE(block, nullptr);
        blocks.emplace_back(block, mp_usable_size(block));
    }
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
        mp_free(blocks[i].first);
        blocks[i].first = mp_malloc(blocks[i].second / 2);
        blocks[i].second = mp_usable_size(blocks[i].first);
    }
    for (const auto& [block, usable] : blocks) {
        ASSERT_EQ(mp_usable_size(block), usable);
        ASSERT_EQ(mp_free(block), 1);
    }
}

TEST(Blocks, ImpossibleSizesAreRefusedAndCounted) {
    const std::uint64_t before = test::stats_now().failures;
    EXPECT_EQ(mp_malloc(SIZE_MAX), nullptr);
    EXPECT_EQ(mp_malloc(SIZE_MAX - kGranule), nullptr);
    EXPECT_EQ(mp_malloc(SIZE_MAX / 2), nullptr);
    EXPECT_EQ(mp_aligned_alloc(64, SIZE_MAX - 10), nullptr);
    EXPECT_EQ(mp_aligned_alloc(4096, SIZE_MAX - 4095), nullptr);
    EXPECT_EQ(test::stats_now().failures - before, 5u);
}

TEST(Blocks, OverflowingArraysAreRefused) {
    EXPECT_EQ(mp_calloc(SIZE_MAX, 2), nullptr);
    EXPECT_EQ(mp_calloc(2, SIZE_MAX), nullptr);
    EXPECT_EQ(mp_calloc(SIZE_MAX / 8 + 1, 8), nullptr);
    EXPECT_EQ(mp_calloc(std::size_t{1} << (sizeof(std::size_t) * 4), std::size_t{1} << (sizeof(std::size_t) * 4)),
              nullptr);
    void* const block = mp_calloc(3, 5);
    EXPECT_GE(mp_usable_size(block), 15u);
    EXPECT_EQ(mp_free(block), 1);
}

TEST(Blocks, CallocClearsReusedMemory) {
    for (const std::size_t size : {1u, 16u, 100u, 1024u, 5000u, 32256u, 40000u, 200000u, 1500000u}) {
        auto* const dirty = static_cast<unsigned char*>(mp_malloc(size));
        ASSERT_NE(dirty, nullptr);
        std::memset(dirty, 0xFF, mp_usable_size(dirty));
        mp_free(dirty);
        auto* const clean = static_cast<unsigned char*>(mp_calloc(1, size));
        ASSERT_NE(clean, nullptr);
        EXPECT_EQ(std::count(clean, clean + size, 0), static_cast<std::ptrdiff_t>(size)) << size;
        mp_free(clean);
    }
}

TEST(Blocks, AlignmentsUpToAGranuleAreHonoured) {
    std::vector<Filled> blocks;
    std::uint32_t seed = 0;
    for (std::size_t alignment = 1; alignment <= kGranule; alignment *= 2) {
        for (const std::size_t size : {0u, 1u, 15u, 24u, 100u, 128u, 1000u, 4000u, 27000u, 32000u, 32256u, 70000u}) {
            auto* const block = static_cast<unsigned char*>(mp_aligned_alloc(alignment, size));
            ASSERT_NE(block, nullptr);
            ASSERT_EQ(value_of(block) % alignment, 0u);
            ASSERT_GE(mp_usable_size(block), size);
            blocks.push_back({block, mp_usable_size(block), ++seed});
            blocks.back().fill();
        }
    }
    for (const Filled& block : blocks) {
        EXPECT_TRUE(block.intact());
        EXPECT_EQ(mp_free(block.bytes), 1);
    }
}

TEST(Blocks, BadAlignmentsAreRefused) {
    EXPECT_EQ(mp_aligned_alloc(0, 16), nullptr);
    EXPECT_EQ(mp_aligned_alloc(24, 16), nullptr);
    EXPECT_EQ(mp_aligned_alloc(2 * kGranule, 16), nullptr);
}

TEST(Realloc, KeepsContentsBetweenAllSizes) {
    const std::vector<std::size_t> sizes = {0,     1,     16,    17,    100,    1024,   1025,   5000,
                                            32256, 32257, 65536, 65537, 200000, 131072, 300000, 4000000};
    std::uint32_t seed = 100;
    for (const std::size_t from : sizes) {
        for (const std::size_t to : sizes) {
            Filled block{static_cast<unsigned char*>(mp_malloc(from)), from, ++seed};
            ASSERT_NE(block.bytes, nullptr);
            block.fill();
            block.bytes = static_cast<unsigned char*>(mp_realloc(block.bytes, to));
            ASSERT_NE(block.bytes, nullptr);
            ASSERT_GE(mp_usable_size(block.bytes), to);
            ASSERT_TRUE(block.intact(std::min(from, to))) << from << " -> " << to;
            ASSERT_EQ(mp_free(block.bytes), 1);
        }
    }
}

TEST(Realloc, KeepsContentsOfAlignedBlocks) {
    for (std::size_t alignment = 32; alignment <= 4096; alignment *= 2) {
        Filled block{static_cast<unsigned char*>(mp_aligned_alloc(alignment, 300)), 300, 5};
        ASSERT_NE(block.bytes, nullptr);
        block.fill();
        block.bytes = static_cast<unsigned char*>(mp_realloc(block.bytes, 20000));
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
}

TEST(Realloc, StaysInPlaceWithinABlockAndIntoFreeGranules) {
    void* const small = mp_malloc(100);
    EXPECT_EQ(mp_realloc(small, mp_usable_size(small)), small);
    EXPECT_EQ(mp_realloc(small, 1), small);
    mp_free(small);
    mp_trim(0);
    constexpr std::size_t kMegabyte = std::size_t{1} << 20;
    void* const large = mp_malloc(40 * kMegabyte);
    EXPECT_EQ(mp_realloc(large, 10 * kMegabyte), large);
    EXPECT_EQ(mp_usable_size(large), 10 * kMegabyte);
    EXPECT_EQ(mp_realloc(large, 30 * kMegabyte), large);
    EXPECT_EQ(mp_usable_size(large), 30 * kMegabyte);
    mp_free(large);
}

TEST(Realloc, FailureLeavesTheBlockLive) {
    for (const std::size_t size : {100u, 100000u}) {
        Filled block{static_cast<unsigned char*>(mp_malloc(size)), size, 9};
        block.fill();
        EXPECT_EQ(mp_realloc(block.bytes, SIZE_MAX - 100), nullptr);
        EXPECT_TRUE(block.intact());
        EXPECT_EQ(mp_free(block.bytes), 1);
    }
}

TEST(Realloc, OfNothingIsMalloc) {
    void* const block = mp_realloc(nullptr, 50);
    EXPECT_GE(mp_usable_size(block), 50u);
    EXPECT_EQ(mp_free(block), 1);
}

// --- what is not ours ------------------------------------------------------------------------------------------------

int g_some_global = 3;

void expect_foreign(void* address) {
    EXPECT_EQ(mp_owns(address), 0);
    EXPECT_EQ(mp_usable_size(address), 0u);
    EXPECT_EQ(mp_free(address), 0);
}

TEST(Foreign, PointersAreLeftAlone) {
    int local = 5;
    const std::string text(100, 'x');
    expect_foreign(&local);
    expect_foreign(&g_some_global);
    expect_foreign(const_cast<char*>(text.data()));
    expect_foreign(reinterpret_cast<void*>(value_of(nullptr) + 1));
    expect_foreign(reinterpret_cast<void*>(UINTPTR_MAX));
    void* const page = os::reserve_commit(kGranule);
    expect_foreign(page);
    EXPECT_TRUE(os::release(page, kGranule));
    expect_foreign(page);
    EXPECT_EQ(local, 5);
    EXPECT_EQ(g_some_global, 3);
    EXPECT_EQ(text, std::string(100, 'x'));
}

TEST(Foreign, NullIsIgnored) {
    EXPECT_EQ(mp_free(nullptr), 0);
    EXPECT_EQ(mp_usable_size(nullptr), 0u);
    EXPECT_EQ(mp_owns(nullptr), 0);
}

TEST(Foreign, ReallocOfAForeignPointerIsRefused) {
    int local = 5;
    EXPECT_EQ(mp_realloc(&local, 100), nullptr);
    EXPECT_EQ(local, 5);
}

TEST(Foreign, PointersInsideALargeBlockAreNotBlocks) {
    Filled block{static_cast<unsigned char*>(mp_malloc(5 * kGranule)), 5 * kGranule, 21};
    ASSERT_NE(block.bytes, nullptr);
    block.fill();
    for (const std::size_t offset : {std::size_t{1}, std::size_t{16}, std::size_t{4096}, kGranule, 3 * kGranule,
                                     3 * kGranule + 16, 5 * kGranule - 1}) {
        EXPECT_TRUE(mp_owns(block.bytes + offset)) << offset;
        EXPECT_EQ(mp_usable_size(block.bytes + offset), 0u) << offset;
        EXPECT_EQ(mp_free(block.bytes + offset), 0) << offset;
    }
    EXPECT_TRUE(block.intact());
    EXPECT_EQ(mp_free(block.bytes), 1);
    EXPECT_EQ(mp_free(block.bytes), 0);
    EXPECT_EQ(mp_usable_size(block.bytes), 0u);
}

TEST(Foreign, PointersInsideASmallBlockHaveNoSize) {
    auto* const block = static_cast<unsigned char*>(mp_malloc(200));
    EXPECT_EQ(mp_usable_size(block + 8), 0u);
    EXPECT_EQ(mp_usable_size(block + 16), 0u);
    EXPECT_EQ(mp_usable_size(reinterpret_cast<void*>(value_of(block) & ~(kGranule - 1))), 0u);
    EXPECT_EQ(mp_free(block), 1);
}

TEST(Foreign, SizesOfRandomAddressesNeverFault) {
    test::Random random(23);
    std::vector<void*> blocks;
    for (int i = 0; i < 2000; ++i) {
        blocks.push_back(mp_malloc(random.block_size()));
    }
    const std::uintptr_t base = value_of(blocks[0]) & ~std::uintptr_t{0xFFFFFF};
    std::size_t sum = 0;
    for (int i = 0; i < 1000000; ++i) {
        const std::uintptr_t address = base + random.below(64u << 20);
        sum += mp_usable_size(reinterpret_cast<const void*>(address)) != 0 ? 1 : 0;
    }
    EXPECT_GT(sum, 0u);
    for (void* const block : blocks) {
        EXPECT_EQ(mp_free(block), 1);
    }
}

// --- misuse ----------------------------------------------------------------------------------------------------------

std::uint64_t refused_frees() {
    return test::stats_now().refused_frees;
}

TEST(Misuse, FreeOfAPointerIntoABlockIsIgnoredAndCounted) {
    for (const std::size_t size : {16u, 24u, 100u, 128u, 200u, 1000u, 1024u, 1025u, 5000u, 15872u}) {
        const Filled block{static_cast<unsigned char*>(mp_malloc(size)), size, 4};
        ASSERT_NE(block.bytes, nullptr);
        block.fill();
        const std::uint64_t before = refused_frees();
        std::uint64_t tried = 0;
        for (std::size_t offset = 1; offset < size; ++offset, ++tried) {
            ASSERT_EQ(mp_free(block.bytes + offset), 0) << size << " + " << offset;
            ASSERT_EQ(mp_usable_size(block.bytes + offset), 0u);
        }
        EXPECT_EQ(refused_frees() - before, tried);
        EXPECT_TRUE(block.intact());
        EXPECT_EQ(mp_free(block.bytes), 1);
    }
}

TEST(Misuse, FreeOfWhatWasNeverHandedOutIsIgnored) {
    auto* const block = static_cast<unsigned char*>(mp_malloc(48));
    auto* const span = reinterpret_cast<unsigned char*>(value_of(block) & ~(kGranule - 1));
    for (std::size_t offset = 0; offset < 128; offset += 8) {
        EXPECT_EQ(mp_free(span + offset), 0) << "the span's own header";
    }
    EXPECT_EQ(mp_free(span + kGranule - 8), 0);
    EXPECT_EQ(mp_free(block), 1);
}

TEST(Misuse, SecondFreeInARowIsIgnoredAndCounted) {
    for (const std::size_t size : {8u, 64u, 500u, 4000u, 20000u, 100000u, 2000000u}) {
        void* const neighbour = mp_malloc(size);
        void* const block = mp_malloc(size);
        const std::uint64_t before = refused_frees();
        ASSERT_EQ(mp_free(block), 1);
        EXPECT_EQ(mp_free(block), 0) << size;
        EXPECT_EQ(mp_free(block), 0) << size;
        EXPECT_EQ(refused_frees() - before, 2u) << size;
        // Handed out once only.
        void* const first = mp_malloc(size);
        void* const second = mp_malloc(size);
        EXPECT_NE(first, second);
        for (void* const other : {neighbour, first, second}) {
            EXPECT_EQ(mp_free(other), 1) << size;
        }
    }
}

TEST(Misuse, SecondFreeByAnotherThreadIsIgnored) {
    std::vector<void*> blocks;
    for (int i = 0; i < 100; ++i) {
        blocks.push_back(mp_malloc(300));
    }
    std::thread([&blocks] {
        for (void* const block : blocks) {
            ASSERT_EQ(mp_free(block), 1);
            ASSERT_EQ(mp_free(block), 0);
        }
        mp_thread_end();
    }).join();
}

// Every second block of several spans: none is taken for live, whatever happened around it.
TEST(Misuse, SecondFreeIsIgnoredHoweverLateAndByWhomever) {
    for (const std::size_t size : {8u, 24u, 100u, 600u, 1100u, 3600u, 9000u, 15872u}) {
        std::vector<void*> blocks;
        for (int i = 0; i < 500; ++i) {
            blocks.push_back(mp_malloc(size));
        }
        for (std::size_t i = 0; i < blocks.size(); i += 2) {
            ASSERT_EQ(mp_free(blocks[i]), 1);
        }
        const auto second_frees = [&blocks] {
            for (std::size_t i = 0; i < blocks.size(); i += 2) {
                ASSERT_EQ(mp_usable_size(blocks[i]), 0u) << i;
                ASSERT_EQ(mp_free(blocks[i]), 0) << i;
                ASSERT_NE(mp_usable_size(blocks[i + 1]), 0u) << i;
            }
        };
        second_frees();
        std::thread([&second_frees] {
            second_frees();
            mp_thread_end();
        }).join();
        std::set<void*> handed_out;
        for (std::size_t i = 0; i < blocks.size(); i += 2) {
            blocks[i] = mp_malloc(size);
        }
        for (void* const block : blocks) {
            ASSERT_TRUE(handed_out.insert(block).second) << "handed out twice, " << size;
        }
        for (void* const block : blocks) {
            ASSERT_EQ(mp_free(block), 1);
        }
    }
}

// What other threads free twice must not count twice either: a span with live blocks would be given back.
TEST(Misuse, SecondFreesByOtherThreadsLeaveLiveNeighboursAlone) {
    for (const std::size_t size : {64u, 1000u, 3000u}) {
        std::vector<Filled> blocks;
        for (std::uint32_t i = 0; i < 3000; ++i) {
            blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), size, i});
            blocks.back().fill();
        }
        for (int thread = 0; thread < 2; ++thread) {
            std::thread([&blocks, thread] {
                for (std::size_t i = 0; i < blocks.size(); ++i) {
                    if (i % 3 != 0) {
                        ASSERT_EQ(mp_free(blocks[i].bytes), thread == 0 ? 1 : 0);
                        ASSERT_EQ(mp_free(blocks[i].bytes), 0);
                    }
                }
                mp_thread_end();
            }).join();
        }
        mp_trim(0);
        for (std::size_t i = 0; i < blocks.size(); i += 3) {
            ASSERT_TRUE(blocks[i].intact()) << size;
            ASSERT_EQ(mp_free(blocks[i].bytes), 1);
        }
        mp_trim(0);
    }
}

TEST(Misuse, SecondFreeIsIgnoredWhenItsSpanIsGone) {
    std::vector<void*> blocks;
    for (int i = 0; i < 3000; ++i) {
        blocks.push_back(mp_malloc(200));
    }
    for (void* const block : blocks) {
        ASSERT_EQ(mp_free(block), 1);
    }
    mp_trim(0);
    for (void* const block : blocks) {
        ASSERT_EQ(mp_free(block), 0);
        ASSERT_EQ(mp_usable_size(block), 0u);
    }
}

TEST(Blocks, FirstWordOfASmallBlockIsZero) {
    test::Random random(29);
    std::vector<Filled> blocks;
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 500; ++i) {
            const std::size_t size = 8 + random.below(15872 - 8);
            blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), size, 0xA5});
            std::uintptr_t word = 1;
            std::memcpy(&word, blocks.back().bytes, sizeof word);
            ASSERT_EQ(word, 0u) << size;
            std::memset(blocks.back().bytes, 0xA5, size);
        }
        for (const Filled& block : blocks) {
            ASSERT_EQ(mp_free(block.bytes), 1);
        }
        blocks.clear();
    }
}

TEST(Blocks, ABlockWhoseLifeHasEndedWaitsUntilItIsReleased) {
    auto* const block = static_cast<unsigned char*>(mp_malloc(100));
    std::memset(block, 0x5A, 100);
    ASSERT_GE(mp_end_life(block), 100u);
    EXPECT_EQ(mp_end_life(block), 0u);
    EXPECT_EQ(mp_free(block), 0);
    EXPECT_EQ(mp_usable_size(block), 0u);
    std::vector<void*> others;
    for (int i = 0; i < 2000; ++i) {
        others.push_back(mp_malloc(100));
        ASSERT_NE(others.back(), block);
    }
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(block[i], 0x5A);
    }
    std::thread([block] {
        mp_reuse(block);  // by another thread than the one that ended its life
        mp_thread_end();
    }).join();
    for (void* const other : others) {
        ASSERT_EQ(mp_free(other), 1);
    }
    others.clear();
    bool found = false;
    for (int i = 0; i < 5000; ++i) {
        others.push_back(mp_malloc(100));
        found = found || others.back() == block;
    }
    EXPECT_TRUE(found);
    for (void* const other : others) {
        ASSERT_EQ(mp_free(other), 1);
    }
}

TEST(Blocks, LifeThatAnotherThreadHasEndedBeginsAnew) {
    std::vector<void*> blocks;
    for (int i = 0; i < 1000; ++i) {
        blocks.push_back(mp_malloc(40));
    }
    std::thread([&blocks] {
        for (void* const block : blocks) {
            ASSERT_NE(mp_end_life(block), 0u);
        }
        mp_thread_end();
    }).join();
    for (void* const block : blocks) {
        ASSERT_EQ(mp_end_life(block), 0u);
        mp_reuse(block);  // its owner now
    }
    std::set<void*> again;
    for (int i = 0; i < 1000; ++i) {
        again.insert(mp_malloc(40));
    }
    ASSERT_EQ(again.size(), 1000u);
    for (void* const block : again) {
        ASSERT_NE(mp_usable_size(block), 0u);
        ASSERT_EQ(mp_free(block), 1);
        ASSERT_EQ(mp_free(block), 0);
    }
}

// Whatever is asked about: no fault, no live block touched, nothing but a live block taken for one.
// --- who lives -------------------------------------------------------------------------------------------------------

mp_census census() {
    mp_census taken{};
    mp_take_census(&taken);
    return taken;
}

TEST(Census, CountsWhatLivesBySizeWhoeverFreedIt) {
    const mp_census before = census();
    std::map<std::size_t, std::uint32_t> expected;
    std::vector<void*> blocks;
    std::uint64_t bytes = 0;
    std::uint32_t larger = 0;
    for (std::size_t i = 0; i < 4000; ++i) {
        constexpr std::size_t kSizes[] = {1, 24, 100, 4000, 15872, 20000, 300000, 700000};
        blocks.push_back(mp_malloc(kSizes[i % std::size(kSizes)]));
    }
    std::thread([&blocks] {
        for (std::size_t i = 0; i < blocks.size(); i += 3) {
            mp_free(blocks[i]);
            blocks[i] = nullptr;
        }
    }).join();
    for (std::size_t i = 1; i < blocks.size(); i += 3) {
        if (mp_usable_size(blocks[i]) <= 4096 && mp_end_life(blocks[i]) != 0) {
            mp_reuse(std::exchange(blocks[i], nullptr));
        }
    }
    std::vector<void*> waiting;
    for (std::size_t i = 2; i < blocks.size(); i += 9) {
        if (mp_end_life(blocks[i]) != 0) {
            waiting.push_back(std::exchange(blocks[i], nullptr));
        }
    }
    std::erase(blocks, nullptr);
    for (void* const block : blocks) {
        const std::size_t size = mp_usable_size(block);
        bytes += size;
        if (size > 15872) {
            ++larger;
        } else {
            ++expected[size / MP_CENSUS_STEP];
        }
    }
    const mp_census now = census();
    for (std::size_t i = 0; i < MP_CENSUS_SIZES; ++i) {
        EXPECT_EQ(now.blocks[i] - before.blocks[i], expected[i]) << "size " << i * MP_CENSUS_STEP;
    }
    EXPECT_EQ(now.larger_blocks - before.larger_blocks, larger);
    EXPECT_EQ(now.bytes - before.bytes, bytes);
    std::ranges::for_each(waiting, &mp_reuse);
    std::ranges::for_each(blocks, &mp_free);
    EXPECT_EQ(census().bytes, before.bytes);
}

TEST(SmallBlocks, AreShownEachOnceWithItsSizeAndNoOther) {
    std::vector<void*> live;
    std::vector<void*> aligned;
    std::vector<void*> freed;
    for (int i = 0; i < 100; ++i) {
        for (const std::size_t size : {8u, 24u, 100u, 600u, 5000u, 15872u}) {
            (i % 3 == 0 ? freed : live).push_back(mp_malloc(size));
        }
        aligned.push_back(mp_aligned_alloc(std::size_t{16} << i % 8, 1000));
        aligned.push_back(mp_malloc(20000));
    }
    std::thread([&freed] {
        std::ranges::for_each(freed, mp_free);
        mp_thread_end();
    }).join();
    using Shown = std::map<void*, std::size_t>;
    Shown shown;
    mp_each_small_block(
        [](void* block, std::size_t size, void* blocks) {
            const bool is_new = static_cast<Shown*>(blocks)->emplace(block, size).second;
            ASSERT_TRUE(is_new);
            const unsigned char* const bytes = static_cast<const unsigned char*>(block);
            EXPECT_GE(bytes[0] + bytes[size - 1], 0) << "both ends can be read";
        },
        &shown);
    for (void* const block : live) {
        ASSERT_TRUE(shown.contains(block));
        EXPECT_EQ(shown[block], mp_usable_size(block));
        shown.erase(block);
    }
    for (const auto& [block, size] : shown) {
        EXPECT_NE(std::ranges::find(aligned, block), aligned.end()) << size;
        EXPECT_EQ((value_of(block) % kGranule - MP_SPAN_HEADER_SIZE) % size, 0u);
    }
}

TEST(Census, IsTakenWhileOthersAllocateAndGiveBack) {
    constexpr std::uint32_t kSize = 96;
    std::atomic<bool> stop{false};
    std::array<std::thread, 3> workers;
    for (std::size_t i = 0; i < workers.size(); ++i) {
        workers[i] = std::thread([&stop, i] {
            test::Random random(i + 1);
            std::vector<void*> held;
            while (!stop) {
                for (int n = 0; n < 2000; ++n) {
                    held.push_back(mp_malloc(random.block_size()));
                }
                std::ranges::for_each(held, &mp_free);
                held.clear();
                mp_trim(0);
            }
        });
    }
    std::vector<void*> mine(5000);
    std::ranges::generate(mine, [] { return mp_malloc(kSize); });
    for (int i = 0; i < 30; ++i) {
        EXPECT_GE(census().blocks[kSize / MP_CENSUS_STEP], mine.size());
    }
    stop = true;
    std::ranges::for_each(workers, &std::thread::join);
    EXPECT_EQ(census().blocks[kSize / MP_CENSUS_STEP], mine.size());
    std::ranges::for_each(mine, &mp_free);
}

TEST(Misuse, AMillionStrayPointersDoNoHarm) {
    test::Random random(53);
    std::vector<Filled> blocks;
    std::set<std::uintptr_t> starts;
    for (std::uint32_t i = 0; i < 2000; ++i) {
        const std::size_t size = random.block_size();
        blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), size, i});
        ASSERT_NE(blocks.back().bytes, nullptr);
        blocks.back().fill();
        starts.insert(value_of(blocks.back().bytes));
    }
    for (int i = 0; i < 1000000; ++i) {
        const bool is_near = i % 2 == 0;
        const std::uintptr_t near_one =
            value_of(blocks[random.below(blocks.size())].bytes) + random.below(200000) - 100000;
        auto* const stray = reinterpret_cast<void*>(is_near ? near_one : static_cast<std::uintptr_t>(random.next()));
        const std::size_t size = mp_usable_size(stray);
        if (starts.contains(value_of(stray))) {
            ASSERT_NE(size, 0u);
        } else {
            ASSERT_EQ(size, 0u);
            ASSERT_EQ(mp_free(stray), 0);
        }
    }
    for (const Filled& block : blocks) {
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
}

// --- tiny blocks -----------------------------------------------------------------------------------------------------

TEST(TinyBlocks, TakeNoMoreThanTheNextMultipleOfTheSmallestAlignment) {
    for (std::size_t size = 0; size <= 128; ++size) {
        void* const block = mp_malloc(size);
        const std::size_t exact = std::max<std::size_t>(1, (size + MP_MIN_ALIGNMENT - 1) / MP_MIN_ALIGNMENT);
        EXPECT_EQ(mp_usable_size(block), exact * MP_MIN_ALIGNMENT) << size;
        EXPECT_EQ(value_of(block) % (size % 16 == 0 ? 16 : MP_MIN_ALIGNMENT), 0u) << size;
        mp_free(block);
    }
    for (std::size_t size = 129; size <= 1024; ++size) {
        void* const block = mp_malloc(size);
        EXPECT_EQ(mp_usable_size(block), (size + 15) / 16 * 16) << size;
        EXPECT_EQ(value_of(block) % 16, 0u) << size;
        mp_free(block);
    }
}

TEST(TinyBlocks, CostLittleMoreThanTheirBytes) {
    mp_free(mp_malloc(1));  // the thread's heap is there already
    mp_trim(0);
    const mp_alloc_stats before = test::stats_now();
    constexpr std::size_t kCells = 1000000;
    std::vector<void*> cells(kCells);
    for (void*& cell : cells) {
        cell = mp_malloc(8);
        ASSERT_NE(cell, nullptr);
    }
    const mp_alloc_stats now = test::stats_now();
    const std::uint64_t used = (now.committed_bytes - now.free_bytes) - (before.committed_bytes - before.free_bytes);
    EXPECT_LE(used, kCells * MP_MIN_ALIGNMENT * 105 / 100);
    for (void* const cell : cells) {
        ASSERT_EQ(mp_free(cell), 1);
    }
}

// --- stale readers ---------------------------------------------------------------------------------------------------

TEST(Freed, BlockStaysReadableAndOnlyItsFirstWordChanges) {
    test::Random random(29);
    std::vector<Filled> blocks;
    for (std::uint32_t i = 0; i < 20000; ++i) {
        const std::size_t size = sizeof(void*) + 1 + random.below(2000);
        blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), size, i});
        ASSERT_NE(blocks.back().bytes, nullptr);
        std::memset(blocks.back().bytes, static_cast<int>(i % 251), size);
    }
    for (const Filled& block : blocks) {
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
    for (const Filled& block : blocks) {
        for (std::size_t at = sizeof(void*); at < block.size; ++at) {
            ASSERT_EQ(block.bytes[at], block.seed % 251);
        }
    }
}

// --- reuse and giving back -------------------------------------------------------------------------------------------

// Once it has found out how much it needs at most: where its blocks come to lie differs from round to round.
TEST(Reuse, SteadyWorkNeedsNoKernelCalls) {
    constexpr int kWithout = 20;
    std::vector<void*> blocks(5000);
    int without = 0;
    for (int round = 0; round < 5 * kWithout && without < kWithout; ++round) {
        const std::uint32_t before = os::kernel_calls_of_this_thread();
        test::Random random(31);
        for (void*& block : blocks) {
            block = mp_malloc(random.block_size());
            ASSERT_NE(block, nullptr);
        }
        for (void* const block : blocks) {
            ASSERT_EQ(mp_free(block), 1);
        }
        without = os::kernel_calls_of_this_thread() == before ? without + 1 : 0;
    }
    EXPECT_EQ(without, kWithout) << "rounds in a row without a kernel call";
}

// Without a trim: a span goes back with its last block, in whatever order they are freed.
TEST(Spans, ServeOtherSizesOnceTheirLastBlockIsFreed) {
    constexpr std::size_t kBytes = std::size_t{24} << 20;
    mp_trim(0);
    test::Random random(5);
    std::uint64_t most = 0;
    for (const std::size_t size : {1000u, 500u, 2000u, 240u, 5000u}) {
        std::vector<void*> blocks;
        for (std::size_t bytes = 0; bytes < kBytes; bytes += size) {
            blocks.push_back(mp_malloc(size));
            ASSERT_NE(blocks.back(), nullptr);
        }
        if (size % 500 == 0) {
            for (std::size_t i = blocks.size(); i > 1; --i) {
                std::swap(blocks[i - 1], blocks[random.below(i)]);
            }
        }
        for (void* const block : blocks) {
            ASSERT_EQ(mp_free(block), 1);
        }
        most = std::max(most, test::stats_now().committed_bytes);
    }
    EXPECT_LT(most, kBytes + kBytes / 2) << "each size took memory of its own";
}

TEST(Trim, GivesMemoryBack) {
    mp_free(mp_malloc(1));
    mp_trim(0);
    const mp_alloc_stats before = test::stats_now();
    std::vector<void*> blocks;
    test::Random random(37);
    for (int i = 0; i < 60000; ++i) {
        blocks.push_back(mp_malloc(random.block_size()));
        ASSERT_NE(blocks.back(), nullptr);
    }
    const mp_alloc_stats full = test::stats_now();
    EXPECT_GT(full.committed_bytes, before.committed_bytes + (std::size_t{60} << 20));
    for (void* const block : blocks) {
        ASSERT_EQ(mp_free(block), 1);
    }
    EXPECT_GT(mp_trim(0), 0u);
    const mp_alloc_stats after = test::stats_now();
    EXPECT_EQ(after.free_bytes, 0u);
    // At most one span per size class stays behind, each with its list of free blocks, and the live bits.
    EXPECT_LE(after.committed_bytes,
              before.committed_bytes + std::uint64_t{90} * kGranule + full.committed_bytes / 32 + kGranule);
    EXPECT_LT(after.reserved_bytes, full.reserved_bytes);
    EXPECT_GT(after.unmap_calls, before.unmap_calls);
}

TEST(Trim, KeepsWhatItIsToldTo) {
    void* const block = mp_malloc(std::size_t{12} << 20);
    ASSERT_NE(block, nullptr);
    mp_free(block);
    mp_trim(std::size_t{4} << 20);
    EXPECT_LE(test::stats_now().free_bytes, std::uint64_t{4} << 20);
    EXPECT_GT(test::stats_now().free_bytes, 0u);
}

}  // namespace
