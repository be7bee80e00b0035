// The promises of os.h that the arena and the patcher build upon.
#include "os/os.h"
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace {

using namespace mp;

bool all_zero(const unsigned char* bytes, std::size_t size) {
    return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

class Reservation : public ::testing::Test {
protected:
    static constexpr std::size_t kSize = 4 * os::kGranule;
    void SetUp() override {
        base = static_cast<unsigned char*>(os::reserve(kSize));
        ASSERT_NE(base, nullptr);
    }
    void TearDown() override {
        if (base != nullptr) {
            EXPECT_TRUE(os::release(base, kSize));
        }
    }
    os::RegionInfo info(const void* address) {
        os::RegionInfo result;
        EXPECT_TRUE(os::query(address, &result));
        return result;
    }
    unsigned char* base = nullptr;
};

TEST_F(Reservation, StartsAtAGranule) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(base) % os::kGranule, 0u);
}

TEST(AddressSpace, ShrinksByWhatIsReserved) {
    constexpr std::size_t kSize = std::size_t{256} << 20;
    os::AddressSpace before;
    os::AddressSpace now;
    os::AddressSpace after;
    ASSERT_TRUE(os::measure_address_space(&before));
    EXPECT_LE(before.largest + before.second, before.free);
    EXPECT_LE(before.second, before.largest);
    EXPECT_GT(before.largest, 0u);
    void* const part = os::reserve(kSize);
    ASSERT_NE(part, nullptr);
    ASSERT_TRUE(os::measure_address_space(&now));
    // Others in the process (a sanitizer's own threads) may map a little meanwhile.
    constexpr double kOthers = 4 << 20;
    EXPECT_NEAR(static_cast<double>(before.free - now.free), static_cast<double>(kSize), kOthers);
    EXPECT_NEAR(static_cast<double>(now.reserved - before.reserved), static_cast<double>(kSize), kOthers);
    EXPECT_NEAR(static_cast<double>(now.committed), static_cast<double>(before.committed), kOthers);
    constexpr std::size_t kHalf = kSize / 2;
    ASSERT_TRUE(os::commit(part, kHalf));
    ASSERT_TRUE(os::measure_address_space(&after));
    EXPECT_NEAR(static_cast<double>(after.committed - now.committed), static_cast<double>(kHalf), kOthers);
    ASSERT_TRUE(os::release(part, kSize));
    ASSERT_TRUE(os::measure_address_space(&after));
    EXPECT_NEAR(static_cast<double>(after.free), static_cast<double>(before.free), kOthers);
    EXPECT_NEAR(static_cast<double>(after.largest), static_cast<double>(before.largest), kOthers);
}

TEST_F(Reservation, IsReservedUntilCommitted) {
    EXPECT_EQ(info(base).state, os::PageState::reserved);
    ASSERT_TRUE(os::commit(base + os::kGranule, os::kGranule));
    EXPECT_EQ(info(base).state, os::PageState::reserved);
    EXPECT_EQ(info(base + os::kGranule).state, os::PageState::committed);
    EXPECT_TRUE(info(base + os::kGranule).readable);
    EXPECT_FALSE(info(base + os::kGranule).executable);
    EXPECT_FALSE(info(base + os::kGranule).image);
    EXPECT_EQ(info(base + os::kGranule).base, reinterpret_cast<std::uintptr_t>(base + os::kGranule));
    EXPECT_EQ(info(base + 2 * os::kGranule).state, os::PageState::reserved);
}

TEST_F(Reservation, CommitGivesZeroesAndKeepsWhatWasCommitted) {
    ASSERT_TRUE(os::commit(base, os::kGranule));
    EXPECT_TRUE(all_zero(base, os::kGranule));
    base[5] = 7;
    ASSERT_TRUE(os::commit(base, 2 * os::kGranule));
    EXPECT_EQ(base[5], 7);
    EXPECT_TRUE(all_zero(base + os::kGranule, os::kGranule));
}

TEST_F(Reservation, DecommittedPagesComeBackAsZeroes) {
    ASSERT_TRUE(os::commit(base, kSize));
    std::memset(base, 0xEE, kSize);
    ASSERT_TRUE(os::decommit(base + os::kGranule, os::kGranule));
    EXPECT_EQ(info(base + os::kGranule).state, os::PageState::reserved);
    ASSERT_TRUE(os::commit(base + os::kGranule, os::kGranule));
    EXPECT_TRUE(all_zero(base + os::kGranule, os::kGranule));
    EXPECT_EQ(base[0], 0xEE);
    EXPECT_EQ(base[2 * os::kGranule], 0xEE);
}

TEST_F(Reservation, CannotBeTakenTwice) {
    EXPECT_EQ(os::reserve_at(base, os::kGranule), nullptr);
    EXPECT_EQ(os::reserve_at(base + kSize - os::kGranule, os::kGranule), nullptr);
}

TEST_F(Reservation, ReleasedPlaceCanBeReservedAgain) {
    ASSERT_TRUE(os::release(base, kSize));
    EXPECT_EQ(info(base).state, os::PageState::free);
    unsigned char* const old = base;
    base = static_cast<unsigned char*>(os::reserve_at(old, kSize));
    EXPECT_EQ(base, old);
}

TEST_F(Reservation, ProtectionIsChangedAndRestored) {
    ASSERT_TRUE(os::commit(base, os::kGranule));
    os::OldProtection old = 0;
    ASSERT_TRUE(os::protect(base, os::kPage, os::Protection::execute_read, &old));
    EXPECT_TRUE(info(base).executable);
    EXPECT_EQ(info(base).size, os::kPage);
    ASSERT_TRUE(os::restore_protection(base, os::kPage, old));
    EXPECT_FALSE(info(base).executable);
    base[0] = 1;
    ASSERT_TRUE(os::protect(base, os::kPage, os::Protection::none, nullptr));
    EXPECT_FALSE(info(base).readable);
    ASSERT_TRUE(os::protect(base, os::kPage, os::Protection::read_write, nullptr));
    EXPECT_EQ(base[0], 1);
}

TEST_F(Reservation, KernelCallsAreCountedPerThread) {
    const std::uint32_t before = os::kernel_calls_of_this_thread();
    ASSERT_TRUE(os::commit(base, os::kGranule));
    ASSERT_TRUE(os::decommit(base, os::kGranule));
    std::uint32_t of_another = 1;
    std::thread([&of_another] { of_another = os::kernel_calls_of_this_thread(); }).join();
    EXPECT_EQ(os::kernel_calls_of_this_thread() - before, 2u);
    EXPECT_EQ(of_another, 0u);
}

TEST(Os, ReserveCommitIsUsableAtOnce) {
    auto* const block = static_cast<unsigned char*>(os::reserve_commit(3 * os::kPage));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(all_zero(block, os::kGranule));
    block[os::kGranule - 1] = 1;
    EXPECT_TRUE(os::release(block, os::kGranule));
}

TEST(Os, ImpossibleSizesAreRefused) {
    EXPECT_EQ(os::reserve(SIZE_MAX), nullptr);
    EXPECT_EQ(os::reserve(SIZE_MAX - os::kGranule), nullptr);
    EXPECT_EQ(os::reserve_commit(SIZE_MAX - 2 * os::kGranule), nullptr);
}

int some_code(int value) {
    return value + 1;
}

TEST(Os, CodeOfAModuleIsAnExecutableImage) {
    os::RegionInfo info;
    ASSERT_TRUE(os::query(reinterpret_cast<const void*>(&some_code), &info));
    EXPECT_EQ(info.state, os::PageState::committed);
    EXPECT_TRUE(info.image);
    EXPECT_TRUE(info.executable);
    EXPECT_TRUE(info.readable);
    EXPECT_NE(info.allocation_base, 0u);
}

TEST(Os, FaultHookMakesItsCallsFail) {
    void* const block = os::reserve(os::kGranule);
    ASSERT_NE(block, nullptr);
    {
        const test::FaultPlan plan(os::Call::commit, 1, 1);
        EXPECT_FALSE(os::commit(block, os::kGranule));
        EXPECT_TRUE(os::commit(block, os::kGranule));
        EXPECT_EQ(plan.seen(), 2u);
    }
    {
        const test::FaultPlan plan(os::Call::release, 1, 1);
        EXPECT_FALSE(os::release(block, os::kGranule));
    }
    EXPECT_TRUE(os::release(block, os::kGranule));
}

TEST(ColdLock, AdmitsOneThreadAtATime) {
    static os::ColdLock lock;
    int count = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&count] {
            for (int i = 0; i < 5000; ++i) {
                const os::ColdLockGuard guard(lock);
                ++count;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(count, 20000);
}

TEST(ColdLock, TryLockFailsWhileTaken) {
    static os::ColdLock lock;
    lock.lock();
    EXPECT_FALSE(lock.try_lock());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
}

}  // namespace
