#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "fault.h"
#include "machine_code.h"
#include "page_protection.h"

namespace mp::patch::test {
namespace {

const void* entry(const game::Site& site) {
    return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(site.va));
}

TEST(PatchUnderLoad, AHundredInstallsAndRestoresWhileEightThreadsCallIn) {
    constexpr std::size_t kFunctions = 4;
    constexpr std::array<std::size_t, kFunctions> kDisplaced{5, 6, 7, 9};
    CodeRegion region;
    std::array<const game::Site*, kFunctions> sites{};
    for (std::size_t i = 0; i < kFunctions; ++i) {
        sites[i] = &region.add_function(0x100 + i * 0x800, static_cast<int>(i) + 1, kDisplaced[i]);
    }
    region.seal();
    const auto before = region.bytes();
    const auto protections_before = protections_of(region.at(0), CodeRegion::size());
    const std::array<Hook, kFunctions> hooks{
        {{.site = sites[0], .replacement = replacement_address<0>(), .original = &g_original<0>},
         {.site = sites[1], .replacement = replacement_address<1>(), .original = &g_original<1>},
         {.site = sites[2], .replacement = replacement_address<2>(), .original = &g_original<2>},
         {.site = sites[3], .replacement = replacement_address<3>(), .original = &g_original<3>}}};
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> wrong = 0;
    std::array<std::atomic<std::uint64_t>, 2> answers{};  // by the original, by the replacement
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int turn = t; !stop.load(std::memory_order_relaxed); ++turn) {
                const std::size_t i = static_cast<std::size_t>(turn) % kFunctions;
                const int plain = turn + static_cast<int>(i) + 1;
                const int answer = call(entry(*sites[i]), turn);
                if (answer == plain || answer == plain + 1000) {
                    answers[answer == plain ? 0 : 1].fetch_add(1, std::memory_order_relaxed);
                } else {
                    ++wrong;
                }
                if (turn % 256 == 0) {
                    os::yield_thread();  // two processors must do for all
                }
            }
        });
    }
    static Hooks list;
    for (int round = 0; round < 100; ++round) {
        ASSERT_FALSE(ask_and_install({hooks}, list).has_error());
        os::yield_thread();
        const auto restored = restore(list, nullptr, {});
        ASSERT_TRUE(restored);
        EXPECT_EQ(*restored, 0U);
        EXPECT_EQ(region.bytes(), before);
        os::yield_thread();
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_GT(answers[0].load(), 0U);
    EXPECT_GT(answers[1].load(), 0U);
    EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
}

/// A function that waits, in a loop of three instructions, until the flag is set.
class Trap {
public:
    static constexpr std::uint16_t kSize = 48;

    /// The loop begins at `loop_at`, between NOPs. Where that is among the bytes that a jump displaces, the site says
    /// so.
    Trap(CodeRegion& region, std::size_t loop_at) {
        std::uint8_t* code = region.at(0x200);
        std::memset(code, 0x90, kSize);
        const Addr turns = address_of(&turns_);
        const Addr flag = address_of(&open_);
        std::uint8_t* loop = code + loop_at;
        loop[0] = 0xFE;  // INC BYTE [turns]
        loop[1] = 0x05;
        std::memcpy(loop + 2, &turns, sizeof turns);
        loop[6] = 0x80;  // CMP BYTE [flag],0
        loop[7] = 0x3D;
        std::memcpy(loop + 8, &flag, sizeof flag);
        loop[12] = 0x00;
        loop[13] = 0x74;  // JE loop
        loop[14] = 0xF1;
        code[kSize - 1] = 0xC3;
        site_.va = address_of(code);
        site_.prologue.size = game::BytePattern::kCapacity;
        std::memcpy(site_.prologue.bytes.data(), code, game::BytePattern::kCapacity);
        site_.prologue.mask.fill(0xFF);
        site_.size = kSize;
        if (loop_at < game::kJumpSize) {
            site_.statements.list[0] = {game::Statement::Kind::enters_start, 0, site_.va + static_cast<Addr>(loop_at)};
            site_.statements.count = 1;
        }
    }
    ~Trap() { open(); }
    Trap(const Trap&) = delete;
    Trap& operator=(const Trap&) = delete;

    [[nodiscard]] const game::Site& site() const { return site_; }

    /// Catches a thread; it is in the loop when this returns.
    void spring() {
        victim_ = std::thread([this] { call(entry(site_), 0); });
        while (turns_ == 0) {
            os::yield_thread();
        }
    }
    /// Any thread, at any moment.
    void let_go() { open_ = 1; }
    void open() {
        let_go();
        if (victim_.joinable()) {
            victim_.join();
        }
    }

private:
    std::atomic<std::uint8_t> turns_ = 0;  ///< of the loop so far; wraps
    std::atomic<std::uint8_t> open_ = 0;
    game::Site site_{};
    std::thread victim_;
};

TEST(PatchUnderLoad, AThreadInsideTheDisplacedBytesStopsTheInstallUntilItHasLeft) {
    CodeRegion region;
    Trap trap(region, 1);
    region.seal();
    const auto before = region.bytes();
    const auto protections_before = protections_of(region.at(0), CodeRegion::size());
    trap.spring();
    const Hook hook{.site = &trap.site(), .replacement = replacement_address<0>()};
    static Hooks list;
    const InstallReport refused = ask_and_install({std::span(&hook, 1)}, list);
    EXPECT_EQ(refused.error.failure, Failure::thread_in_the_way);
    EXPECT_EQ(refused.error.address, trap.site().va);
    EXPECT_EQ(list.standing(), 0U);
    EXPECT_EQ(region.bytes(), before);
    EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
    trap.open();
    EXPECT_FALSE(ask_and_install({std::span(&hook, 1)}, list).has_error());
    EXPECT_TRUE(restore(list, nullptr, {}));
    EXPECT_EQ(region.bytes(), before);
}

TEST(PatchUnderLoad, AThreadThatLeavesInTimeDoesNotStopTheInstall) {
    CodeRegion region;
    Trap trap(region, 1);
    region.seal();
    trap.spring();
    const Hook hook{.site = &trap.site(), .replacement = replacement_address<0>()};
    static Hooks list;
    // It may go when it has stood in the way three times; with more threads than processors that may take it long.
    const Faults faults(
        [&trap](os::Call, int number) {
            if (number == 4) {
                trap.let_go();
            }
            return false;
        },
        Faults::Kind::suspension);
    InstallReport report = ask_and_install({std::span(&hook, 1)}, list);
    EXPECT_GE(faults.calls(), 4) << "one thread that stands in the way is no reason to give up";
    while (report.error.failure == Failure::thread_in_the_way) {
        report = install(list);
    }
    EXPECT_FALSE(report.has_error());
    EXPECT_TRUE(restore(list, nullptr, {}));
}

TEST(PatchUnderLoad, AThreadBehindTheDisplacedBytesDoesNotStopTheInstall) {
    CodeRegion region;
    Trap trap(region, 6);
    region.seal();
    trap.spring();
    const Hook hook{.site = &trap.site(), .replacement = replacement_address<0>()};
    static Hooks list;
    EXPECT_FALSE(ask_and_install({std::span(&hook, 1)}, list).has_error());
    EXPECT_TRUE(restore(list, nullptr, {}));
    trap.open();
}

TEST(PatchUnderLoad, ThreadsThatAllocateBeginAndEndDoNotHoldItUp) {
    CodeRegion region;
    const game::Site& site = region.add_function(0x100, 1, 6);
    region.seal();
    const Hook hook{.site = &site, .replacement = replacement_address<0>(), .original = &g_original<0>};
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            while (!stop.load(std::memory_order_relaxed)) {
                std::vector<std::thread> children;
                children.emplace_back([] { const std::vector<int> garbage(5000); });
                children.emplace_back([&] { call(entry(site), 1); });
                for (std::thread& child : children) {
                    child.join();
                }
            }
        });
    }
    static Hooks list;
    for (int round = 0; round < 50; ++round) {
        ASSERT_FALSE(ask_and_install({std::span(&hook, 1)}, list).has_error());
        ASSERT_TRUE(restore(list, nullptr, {}));
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace
}  // namespace mp::patch::test
