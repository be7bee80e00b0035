#include "meter/address_space.h"
#include "meter/kernel_meter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <thread>
#include <utility>
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

// --- what the calls hold ---

class MemoryMeter : public KernelMeter {
protected:
    void SetUp() override {
        begin_memory_peak();
        start_ = memory_now();
    }
    /// In megabytes since the test's start.
    [[nodiscard]] std::pair<SIZE_T, SIZE_T> committed_and_reserved() const { return in_megabytes(memory_now()); }
    [[nodiscard]] std::pair<SIZE_T, SIZE_T> peak() const { return in_megabytes(memory_peak()); }

private:
    [[nodiscard]] std::pair<SIZE_T, SIZE_T> in_megabytes(const AddressSpace& sums) const {
        return {static_cast<SIZE_T>(sums.committed - start_.committed) / kMegabyte,
                static_cast<SIZE_T>(sums.reserved - start_.reserved) / kMegabyte};
    }
    AddressSpace start_;
};

std::pair<SIZE_T, SIZE_T> megabytes(SIZE_T committed, SIZE_T reserved) {
    return {committed, reserved};
}

char* reserve(SIZE_T count) {
    return static_cast<char*>(VirtualAlloc(nullptr, count * kMegabyte, MEM_RESERVE, PAGE_READWRITE));
}

bool commit(void* place, SIZE_T count) {
    return VirtualAlloc(place, count * kMegabyte, MEM_COMMIT, PAGE_READWRITE) != nullptr;
}

TEST_F(MemoryMeter, AReservationIsNoCommitment) {
    char* block = reserve(64);
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 64));
    VirtualFree(block, 0, MEM_RELEASE);
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 0));
}

TEST_F(MemoryMeter, ACommitmentThatReservesCountsAsBoth) {
    for (const DWORD type : {DWORD{MEM_COMMIT}, DWORD{MEM_RESERVE | MEM_COMMIT}}) {
        void* block = VirtualAlloc(nullptr, 3 * kMegabyte, type, PAGE_READWRITE);
        EXPECT_EQ(committed_and_reserved(), megabytes(3, 3));
        VirtualFree(block, 0, MEM_RELEASE);
        EXPECT_EQ(committed_and_reserved(), megabytes(0, 0));
    }
}

TEST_F(MemoryMeter, APageCommittedTwiceCountsOnce) {
    char* block = reserve(16);
    EXPECT_TRUE(commit(block, 4));
    EXPECT_TRUE(commit(block + 2 * kMegabyte, 4));
    EXPECT_EQ(committed_and_reserved(), megabytes(6, 16));
    EXPECT_EQ(peak(), megabytes(6, 16));
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, ADecommitmentTakesOffWhatWasCommittedThere) {
    char* block = reserve(16);
    EXPECT_TRUE(commit(block + 2 * kMegabyte, 4));
    VirtualFree(block, 3 * kMegabyte, MEM_DECOMMIT);
    EXPECT_EQ(committed_and_reserved(), megabytes(3, 16));
    VirtualFree(block, 0, MEM_DECOMMIT);  // all of it
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 16));
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, AReleaseTakesOffTheWholeReservationAndWhatWasCommittedInIt) {
    char* block = reserve(16);
    char* stays = reserve(1);
    EXPECT_TRUE(commit(block, 1));
    EXPECT_TRUE(commit(block + 8 * kMegabyte, 2));
    EXPECT_TRUE(commit(stays, 1));
    VirtualFree(block, 0, MEM_RELEASE);
    EXPECT_EQ(committed_and_reserved(), megabytes(1, 1));
    VirtualFree(stays, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, AFailedCallChangesNothing) {
    char* block = reserve(2);
    EXPECT_TRUE(commit(block, 1));
    EXPECT_FALSE(commit(block + kMegabyte, 1024)) << "far behind the reservation's end";
    EXPECT_EQ(VirtualFree(block + kMegabyte, 0, MEM_RELEASE), FALSE) << "not the reservation's start";
    EXPECT_EQ(committed_and_reserved(), megabytes(1, 2));
    EXPECT_EQ(peak(), megabytes(1, 2));
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, SeesAPeakBetweenTwoLooks) {
    char* block = reserve(40);
    EXPECT_TRUE(commit(block, 30));
    VirtualFree(block, 0, MEM_RELEASE);
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 0));
    EXPECT_EQ(peak(), megabytes(30, 40));
    begin_memory_peak();
    EXPECT_EQ(peak(), megabytes(0, 0));
}

TEST_F(MemoryMeter, WhatIsPausedIsNoCallButStillMemory) {
    char* block = nullptr;
    {
        const Pause pause;
        block = reserve(8);
        EXPECT_TRUE(commit(block, 5));
    }
    EXPECT_EQ(committed_and_reserved(), megabytes(5, 8));
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, TheHarnesssMemoryIsNotCountedAndNotTakenOffWhenItIsFreedOutside) {
    char* other = reserve(8);
    const KernelCalls before = this_thread();
    char* block = nullptr;
    {
        const OwnMemory own;
        block = reserve(8);
        EXPECT_TRUE(commit(block, 2));
    }
    EXPECT_EQ(this_thread(), before);
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 8));
    EXPECT_TRUE(commit(block, 4)) << "outside: whose it is does not change";
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 8));
    VirtualFree(block, 0, MEM_DECOMMIT);
    VirtualFree(block, 0, MEM_RELEASE);
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 8));
    EXPECT_EQ(peak(), megabytes(0, 8));
    VirtualFree(other, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, APlaceThatWasTheHarnesssCountsForItsNextOwner) {
    char* block = nullptr;
    {
        const OwnMemory own;
        block = reserve(8);
        VirtualFree(block, 0, MEM_RELEASE);
    }
    ASSERT_EQ(VirtualAlloc(block, 8 * kMegabyte, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), block);
    EXPECT_EQ(committed_and_reserved(), megabytes(8, 8));
    VirtualFree(block, 0, MEM_RELEASE);
}

TEST_F(MemoryMeter, TheSearchForTheLargestHoleIsNoPeak) {
    EXPECT_GT(largest_hole(), 64 * kMegabyte);
    EXPECT_LT(peak().second, 64U);
}

/// Each thread gives its block back and takes another, again and again; they often get each other's places.
TEST_F(MemoryMeter, AddsUpExactlyWhatManyThreadsDo) {
    std::array<char*, 4> blocks{};
    std::array<std::thread, 4> threads;
    for (std::size_t i = 0; i < threads.size(); ++i) {
        char*& held = blocks[i];
        threads[i] = std::thread([&held] {
            for (int round = 0; round < 5000; ++round) {
                char* block = reserve(2);
                commit(block, 1);
                VirtualFree(held, 0, MEM_RELEASE);
                held = block;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(committed_and_reserved(), megabytes(4, 8));
    for (char* block : blocks) {
        VirtualFree(block, 0, MEM_RELEASE);
    }
    EXPECT_EQ(committed_and_reserved(), megabytes(0, 0));
    EXPECT_LE(peak().second, 4 * 2 * 2U + 1) << "each holds two blocks for a moment";
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
