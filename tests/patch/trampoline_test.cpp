#include "patch/trampoline.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "fault.h"
#include "game/functions.h"
#include "machine_code.h"
#include "page_protection.h"

namespace mp::patch::test {
namespace {

class Trampolines : public ::testing::Test {
protected:
    TrampolineRequest request(Addr va, std::size_t size = 6) { return {va, std::span(kStolen).first(size), nullptr}; }
    void* prepare_one(Addr va, std::size_t size = 6) {
        TrampolineRequest one = request(va, size);
        return store->prepare(std::span(&one, 1)) ? one.address : nullptr;
    }

    static constexpr std::array<std::uint8_t, 24> kStolen{0x55, 0x8B, 0xEC, 0x83, 0xEC, 0x08, 0x90, 0x90,
                                                          0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                                                          0x90, 0x90, 0x90, 0x90, 0x90, 0x90};
    // Its pages stay for ever, by design.
    std::unique_ptr<TrampolineStore> store = std::make_unique<TrampolineStore>();
};

TEST_F(Trampolines, HoldTheDisplacedBytesAndAJumpBehindThem) {
    constexpr Addr kSite = game::fn::kGrowBuffer.va;
    const auto* code = static_cast<const std::uint8_t*>(prepare_one(kSite));
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(std::memcmp(code, kStolen.data(), 6), 0);
    EXPECT_EQ(code[6], 0xE9);
    Addr distance = 0;
    std::memcpy(&distance, code + 7, 4);
    EXPECT_EQ(address_of(code + 11) + distance, kSite + 6);
}

/// A function of the made-up region that branches at its start, and its trampoline.
class MovedBranches : public Trampolines {
protected:
    /// Puts `code` at the start of the region and makes a trampoline of its first `size` bytes.
    const void* move(std::initializer_list<std::uint8_t> code, std::size_t size) {
        std::memcpy(region.at(0), code.begin(), code.size());
        region.seal();
        TrampolineRequest one{address_of(region.at(0)), std::span(region.at(0), size), nullptr};
        return store->prepare(std::span(&one, 1)) ? one.address : nullptr;
    }
    CodeRegion region;
};

TEST_F(MovedBranches, AShortBranchReachesItsTargetFromAfar) {
    // MOV EAX,[ESP+4]; TEST EAX,EAX; JE +3; INC EAX; RET; CC; MOV AL,7; RET
    const void* code = move({0x8B, 0x44, 0x24, 0x04, 0x85, 0xC0, 0x74, 0x03, 0x40, 0xC3, 0xCC, 0xB0, 0x07, 0xC3}, 8);
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(call(code, 41), 42);
    EXPECT_EQ(call(code, 0), 7);
}

TEST_F(MovedBranches, ALongBranchReachesItsTarget) {
    const void* code = move({0x8B, 0x44, 0x24, 0x04, 0x85, 0xC0, 0x0F, 0x85, 2, 0, 0, 0, 0xB0, 0x07, 0x40, 0xC3}, 12);
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(call(code, 41), 42);
    EXPECT_EQ(call(code, 0), 8);
}

TEST_F(MovedBranches, JumpsAndCallsReachTheirTargets) {
    // JMP +1; CC; MOV EAX,[ESP+4]; RET
    const void* jump = move({0xEB, 0x01, 0xCC, 0x8B, 0x44, 0x24, 0x04, 0xC3}, 2);
    ASSERT_NE(jump, nullptr);
    EXPECT_EQ(call(jump, 5), 5);
    CodeRegion second;
    // CALL +2; INC EAX; RET; MOV EAX,6; RET
    const std::array<std::uint8_t, 13> code{0xE8, 2, 0, 0, 0, 0x40, 0xC3, 0xB8, 6, 0, 0, 0, 0xC3};
    std::memcpy(second.at(0), code.data(), code.size());
    second.seal();
    TrampolineRequest one{address_of(second.at(0)), std::span(second.at(0), 5), nullptr};
    ASSERT_TRUE(store->prepare(std::span(&one, 1)));
    EXPECT_EQ(call(one.address, 0), 7);
}

TEST_F(MovedBranches, WhatCannotBeMovedIsRefusedAndNothingStays) {
    EXPECT_EQ(move({0x90, 0x90, 0x90, 0xE2, 0x05, 0xC3}, 5), nullptr) << "LOOP";
    EXPECT_EQ(store->count(), 0U);
    TrampolineRequest into_itself{0x00500000, {}, nullptr};
    const std::array<std::uint8_t, 5> code{0x90, 0x90, 0x90, 0xEB, 0xFC};
    into_itself.stolen = code;
    EXPECT_FALSE(store->prepare(std::span(&into_itself, 1)));
    EXPECT_NE(prepare_one(game::fn::kGrowBuffer.va), nullptr);
}

TEST_F(Trampolines, AreExecutableAndNotWritable) {
    EXPECT_EQ(protection_of(prepare_one(game::fn::kGrowBuffer.va)), (PageProtection{true, false, true}));
    EXPECT_EQ(protection_of(prepare_one(game::fn::kShrinkBuffer.va)), (PageProtection{true, false, true}));
}

TEST_F(Trampolines, TheSameBytesOfTheSamePlaceShareOne) {
    void* first = prepare_one(game::fn::kGrowBuffer.va);
    EXPECT_EQ(prepare_one(game::fn::kGrowBuffer.va), first);
    EXPECT_NE(prepare_one(game::fn::kGrowBuffer.va, 7), first);
    EXPECT_NE(prepare_one(game::fn::kShrinkBuffer.va), first);
    EXPECT_EQ(store->count(), 3U);
}

TEST_F(Trampolines, ALaterBatchNeverTouchesAFormerOnesPage) {
    std::set<std::uintptr_t> pages;
    for (Addr i = 0; i < 40; ++i) {  // more batches than a granule has pages
        void* trampoline = prepare_one(0x00500000 + i * 16);
        ASSERT_NE(trampoline, nullptr);
        pages.insert(reinterpret_cast<std::uintptr_t>(trampoline) / os::kPage);
    }
    EXPECT_EQ(pages.size(), 40U);
}

TEST_F(Trampolines, AFullBatchFitsAndOneMoreIsRefused) {
    std::vector<TrampolineRequest> requests;
    std::set<void*> addresses;
    for (Addr i = 0; i < TrampolineStore::kMaxBatch + 1; ++i) {
        requests.push_back(request(0x00500000 + i * 16, 19));
    }
    EXPECT_FALSE(store->prepare(requests));
    requests.pop_back();
    ASSERT_TRUE(store->prepare(requests));
    for (const TrampolineRequest& one : requests) {
        addresses.insert(one.address);
    }
    EXPECT_EQ(addresses.size(), TrampolineStore::kMaxBatch);
}

TEST_F(Trampolines, AreRefusedWhenTheListIsFull) {
    Addr va = 0x00500000;
    for (std::size_t i = 0; i < TrampolineStore::kCapacity; ++i, va += 16) {
        ASSERT_NE(prepare_one(va), nullptr);
    }
    EXPECT_EQ(prepare_one(va), nullptr);
    EXPECT_NE(prepare_one(0x00500000), nullptr) << "an old one still answers";
}

TEST_F(Trampolines, AnyFailingCallLeavesNothingBehindAndTheNextTrySucceeds) {
    for (const bool first_page : {true, false}) {
        for (int k = 1;; ++k) {
            store = std::make_unique<TrampolineStore>();
            if (!first_page) {
                ASSERT_NE(prepare_one(game::fn::kShrinkBuffer.va), nullptr);
            }
            const std::size_t before = store->count();
            const Faults faults(Faults::only(k));
            void* trampoline = prepare_one(game::fn::kGrowBuffer.va);
            if (faults.failed() == 0) {
                EXPECT_NE(trampoline, nullptr);
                EXPECT_EQ(k, first_page ? 4 : 3) << "reserve, commit, protect";
                break;
            }
            EXPECT_EQ(trampoline, nullptr);
            EXPECT_EQ(store->count(), before);
            EXPECT_NE(prepare_one(game::fn::kGrowBuffer.va), nullptr);
        }
    }
}

TEST_F(Trampolines, SurviveThatEvenCleaningUpFails) {
    const Addr first = game::fn::kGrowBuffer.va;
    {
        const Faults faults([](os::Call call, int) { return call != os::Call::reserve && call != os::Call::commit; });
        EXPECT_EQ(prepare_one(first), nullptr);
    }
    void* trampoline = prepare_one(first);
    ASSERT_NE(trampoline, nullptr);
    EXPECT_EQ(protection_of(trampoline), (PageProtection{true, false, true}));
}

}  // namespace
}  // namespace mp::patch::test
