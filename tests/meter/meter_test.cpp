#include "meter/address_space.h"
#include "meter/kernel_meter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <thread>
#include <windows.h>

namespace {

using namespace mp::meter;

constexpr SIZE_T kMegabyte = 1 << 20;

class KernelMeter : public testing::Test {
protected:
    static void SetUpTestSuite() {
        const char* reason = "";
        ASSERT_TRUE(install(&reason)) << reason;
    }
    static void TearDownTestSuite() { uninstall(); }
};

/// Reserve, commit, decommit, release.
void four_calls() {
    void* block = VirtualAlloc(nullptr, kMegabyte, MEM_RESERVE, PAGE_READWRITE);
    VirtualAlloc(block, 4096, MEM_COMMIT, PAGE_READWRITE);
    VirtualFree(block, 4096, MEM_DECOMMIT);
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(KernelMeter, CountsEachKindExactly) {
    const KernelCalls before = this_thread();
    four_calls();
    const KernelCalls calls = this_thread() - before;
    EXPECT_EQ(calls.allocate, 2U);
    EXPECT_EQ(calls.free, 2U);
    EXPECT_EQ(calls.protect, 0U);
}

TEST_F(KernelMeter, CountsProtectionChanges) {
    void* block = VirtualAlloc(nullptr, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    const KernelCalls before = this_thread();
    DWORD old = 0;
    VirtualProtect(block, 4096, PAGE_READONLY, &old);
    EXPECT_EQ((this_thread() - before).protect, 1U);
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(KernelMeter, CountsFailedCalls) {
    const KernelCalls before = this_thread();
    EXPECT_EQ(VirtualAlloc(nullptr, 0xFFFF0000, MEM_RESERVE, PAGE_READWRITE), nullptr);
    EXPECT_EQ((this_thread() - before).allocate, 1U);
}

TEST_F(KernelMeter, LeavesPausedCallsOutAndPausesNest) {
    const KernelCalls before = all_threads();
    {
        const Pause outer;
        {
            const Pause inner;
            four_calls();
        }
        four_calls();
    }
    EXPECT_EQ(all_threads() - before, KernelCalls{});
    four_calls();
    EXPECT_EQ((all_threads() - before).total(), 4U);
}

TEST_F(KernelMeter, KeepsThreadsApartAndAddsThemUp) {
    constexpr std::uint64_t kRounds = 50;
    const KernelCalls total = all_threads();
    const KernelCalls own = this_thread();
    std::array<KernelCalls, 4> counts;
    std::array<std::thread, 4> threads;
    {
        const Pause pause;  // making threads is not part of the count
        for (std::size_t i = 0; i < threads.size(); ++i) {
            threads[i] = std::thread([&counts, i] {
                const KernelCalls before = this_thread();
                for (std::uint64_t round = 0; round < kRounds; ++round) {
                    four_calls();
                }
                counts[i] = this_thread() - before;
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
    for (const KernelCalls& count : counts) {
        EXPECT_EQ(count.total(), 4 * kRounds);
    }
    EXPECT_EQ(this_thread(), own);
    EXPECT_GE((all_threads() - total).total(), 4 * kRounds * threads.size());
}

TEST_F(KernelMeter, TellsTheSystemsOwnHeapsApart) {
    const HANDLE heap = HeapCreate(0, 0, 0);
    const KernelCalls before = this_thread();
    void* large = HeapAlloc(heap, 0, 8 * kMegabyte);  // not from the heap's first region
    const KernelCalls calls = this_thread() - before;
    EXPECT_GT(calls.by_system, 0U);
    EXPECT_EQ(calls.by_system, calls.total());
    HeapFree(heap, 0, large);
    HeapDestroy(heap);
    const KernelCalls direct = this_thread();
    four_calls();
    EXPECT_EQ((this_thread() - direct).by_system, 0U);
}

TEST(KernelMeterInstall, GivesTheEntriesTheirBytesBack) {
    const auto* entry =
        std::bit_cast<const std::uint8_t*>(GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtAllocateVirtualMemory"));
    std::array<std::uint8_t, 5> original{};
    std::copy_n(entry, original.size(), original.begin());
    const char* reason = "";
    ASSERT_TRUE(install(&reason)) << reason;
    EXPECT_EQ(entry[0], 0xE9);
    uninstall();
    EXPECT_TRUE(std::equal(original.begin(), original.end(), entry));
}

TEST(AddressSpaceMeter, SeesReservationsAndCommitmentsAsDifferences) {
    const AddressSpace before = measure();
    void* block = VirtualAlloc(nullptr, 64 * kMegabyte, MEM_RESERVE, PAGE_READWRITE);
    VirtualAlloc(block, 5 * kMegabyte, MEM_COMMIT, PAGE_READWRITE);
    const AddressSpace after = measure();
    EXPECT_EQ(after.reserved - before.reserved, 64 * kMegabyte);
    EXPECT_EQ(after.committed - before.committed, 5 * kMegabyte);
    VirtualFree(block, 0, MEM_RELEASE);
    EXPECT_EQ(measure().reserved, before.reserved);
}

TEST(AddressSpaceMeter, FindsAHoleThatCanBeReservedAndNoLargerOne) {
    constexpr SIZE_T kStep = 64 * 1024;
    const auto hole = static_cast<SIZE_T>(largest_hole());
    ASSERT_GT(hole, 0U);
    void* block = VirtualAlloc(nullptr, hole, MEM_RESERVE, PAGE_NOACCESS);
    EXPECT_NE(block, nullptr);
    VirtualFree(block, 0, MEM_RELEASE);
    EXPECT_EQ(VirtualAlloc(nullptr, hole + kStep, MEM_RESERVE, PAGE_NOACCESS), nullptr);
}

}  // namespace
