#include "patch/trampoline.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "fault.h"
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

    static constexpr std::array<std::uint8_t, 24> kStolen{0x55, 0x8B, 0xEC, 0x83, 0xEC, 0x08, 0x90, 0x90, 0x90};
    // Its pages stay for ever, by design.
    std::unique_ptr<TrampolineStore> store = std::make_unique<TrampolineStore>();
};

TEST_F(Trampolines, HoldTheDisplacedBytesAndAJumpBehindThem) {
    constexpr Addr kSite = 0x00AA5E30;
    const auto* code = static_cast<const std::uint8_t*>(prepare_one(kSite));
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(std::memcmp(code, kStolen.data(), 6), 0);
    EXPECT_EQ(code[6], 0xE9);
    Addr distance = 0;
    std::memcpy(&distance, code + 7, 4);
    EXPECT_EQ(address_of(code + 11) + distance, kSite + 6);
}

TEST_F(Trampolines, AreExecutableAndNotWritable) {
    EXPECT_EQ(protection_of(prepare_one(0x00AA5E30)), (PageProtection{true, false, true}));
    EXPECT_EQ(protection_of(prepare_one(0x00AA5E90)), (PageProtection{true, false, true}));
}

TEST_F(Trampolines, TheSameBytesOfTheSamePlaceShareOne) {
    void* first = prepare_one(0x00AA5E30);
    EXPECT_EQ(prepare_one(0x00AA5E30), first);
    EXPECT_NE(prepare_one(0x00AA5E30, 7), first);
    EXPECT_NE(prepare_one(0x00AA5E90), first);
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
        requests.push_back(request(0x00500000 + i * 16, 24));
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
                ASSERT_NE(prepare_one(0x00AA5E90), nullptr);
            }
            const std::size_t before = store->count();
            const Faults faults(Faults::only(k));
            void* trampoline = prepare_one(0x00AA5E30);
            if (faults.failed() == 0) {
                EXPECT_NE(trampoline, nullptr);
                EXPECT_EQ(k, first_page ? 4 : 3) << "reserve, commit, protect";
                break;
            }
            EXPECT_EQ(trampoline, nullptr);
            EXPECT_EQ(store->count(), before);
            EXPECT_NE(prepare_one(0x00AA5E30), nullptr);
        }
    }
}

TEST_F(Trampolines, SurviveThatEvenCleaningUpFails) {
    const Addr first = 0x00AA5E30;
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
