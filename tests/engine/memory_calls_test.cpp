// The calls that are certain about the memory functions: they stand where the site table says, and they are what calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "detours.h"
#include "game/functions.h"
#include "memory_test_support.h"

namespace mp::standin::test {
namespace {

using game::Addr;
using game::Statement;

constexpr std::uint32_t kStep = game::kHeapStep;
constexpr std::uint32_t kCallSize = 5;        ///< E8 rel32
constexpr std::uint32_t kImportCallSize = 6;  ///< FF 15 slot

/// The engine's memory functions, without the C runtime and the media classes.
bool is_memory_function(Addr va) {
    return va >= 0x00AA0000 && va < 0x00AB0000;
}

template <typename Check>
void for_each_statement(Statement::Kind kind, Check check) {
    for (const game::Site& site : game::kSites) {
        for (const Statement& statement : site.statements) {
            if (is_memory_function(site.va) && statement.kind == kind) {
                check(site, statement);
            }
        }
    }
}

TEST(EngineCalls, EveryCertainCallStandsAtItsAddress) {
    for_each_statement(Statement::Kind::calls, [](const game::Site&, const Statement& s) {
        EXPECT_EQ(*at<const std::uint8_t>(s.at), 0xE8) << std::hex << s.at;
        EXPECT_EQ(s.at + kCallSize + *at<const Addr>(s.at + 1), s.to) << std::hex << s.at;
    });
    for_each_statement(Statement::Kind::calls_import, [](const game::Site&, const Statement& s) {
        EXPECT_EQ(*at<const std::uint16_t>(s.at), 0x15FF) << std::hex << s.at;
        EXPECT_EQ(*at<const Addr>(s.at + 2), s.to) << std::hex << s.at;
    });
}

TEST(EngineCalls, EveryCertainSlotHoldsItsFunction) {
    for_each_statement(Statement::Kind::in_slot, [](const game::Site& site, const Statement& s) {
        EXPECT_EQ(*at<const Addr>(s.at), site.va) << std::hex << s.at;
    });
}

/// Empties the cache at the first failed attempt to take its lock and lets go of the lock: what another thread may do
/// between RequestBuffer's first look at the cache and its lock.
game::ScrapHeapManager* g_locked = nullptr;
void MP_STDCALL empty_cache_and_unlock(std::uint32_t /*milliseconds*/) {
    g_locked->count = 0;
    g_locked->lock = {};
}

game::Addr request_while_another_thread_empties_the_cache(game::ScrapHeapManager* scraps) {
    g_locked = scraps;
    scraps->count = 1;
    scraps->lock = {1, 1};
    const SlotReplacement sleep(import_slot_of("Sleep"), reinterpret_cast<const void*>(&empty_cache_and_unlock));
    std::uint32_t size = kStep;
    return fn::kRequestBuffer(scraps, &size);
}

void use_scrap_heaps(KernelProbe& kernel) {
    TestScrapHeap heap;
    kernel.fail_next(1);
    heap.free(heap.allocate(3 * kStep));
}

void use_scrap_buffers(KernelProbe& kernel) {
    auto* const scraps = empty_scrap_manager();
    std::uint32_t size = kStep;
    const game::Addr first = fn::kRequestBuffer(scraps, &size);
    fn::kReleaseBuffer(scraps, first, size);
    size = 2 * kStep;
    fn::kReleaseBuffer(scraps, fn::kRequestBuffer(scraps, &size), size);
    fn::kFreeBuffers(scraps, kStep);
    fn::kReleaseBuffer(scraps, request_while_another_thread_empties_the_cache(scraps), kStep);
    while (scraps->count < game::ScrapHeapManager::kCapacity) {
        fn::kReleaseBuffer(scraps, fn::kCreateBuffer(scraps, kStep), kStep);
    }
    fn::kReleaseBuffer(scraps, fn::kCreateBuffer(scraps, kStep), kStep);
    empty_scrap_manager();
    kernel.fail_next(2);  // the reservation, which is not looked at, and the first commit
    fn::kCreateBuffer(scraps, kStep);
}

void use_pools() {
    TestPool pool;
    pool.free(pool.allocate());
    fn::kPurgeEmptyPages(pool.get());
}

void decommit_inside(TestHeap& heap, void* block) {
    heap.free(block);
    call_virtual<void>(heap.get(), 0x40, block_of(block));
}

void use_heaps() {
    TestHeap heap;
    void* const whole = heap.allocate(4 * kStep);
    heap.allocate(8);
    decommit_inside(heap, whole);
    heap.allocate(4 * kStep);
    decommit_inside(heap, whole);
    heap.allocate(kStep);
    heap.free(heap.allocate(TestHeap::kCommit));
    call_virtual<void*>(heap.get(), slot::kReserve, std::uint32_t{kStep}, std::uint32_t{2 * kStep});
}

void use_front_doors() {
    constexpr std::uint32_t kMoreThanTheDefaultHeap = 0x0D000000;
    fn::kFree(&manager(), fn::kAllocate(&manager(), kMoreThanTheDefaultHeap));
    auto* const block = fn::kDefaultAllocate(&manager(), 16, 0);
    fn::kDefaultFree(&manager(), block, 0);
}

/// Where the engine's kernel calls returned to.
std::set<Addr> callers_of(const KernelProbe& kernel) {
    std::set<Addr> callers;
    for (const auto* calls : {&kernel.allocs(), &kernel.frees()}) {
        std::ranges::for_each(*calls, [&](const KernelProbe::Call& call) { callers.insert(call.caller); });
    }
    return callers;
}

class EngineCallsAtRunTime : public testing::Test {
protected:
    EngineCallsAtRunTime() {
        use_scrap_heaps(kernel_);
        use_scrap_buffers(kernel_);
        use_pools();
        use_heaps();
        use_front_doors();
    }
    DetouredSites sites_{[](Addr va) {
        return is_memory_function(va) || va < 0x00900000 || va == fn::kCrtMalloc.va || va == fn::kCrtFree.va;
    }};
    KernelProbe kernel_;
};

TEST_F(EngineCallsAtRunTime, EveryCertainCallOfAFunctionIsMadeFromItsAddress) {
    for_each_statement(Statement::Kind::calls, [&](const game::Site&, const Statement& s) {
        EXPECT_TRUE(sites_.returned_to(s.at + kCallSize)) << std::hex << s.at;
    });
    for (const Addr other : {0x00AA5DC1U, 0x00AA6745U}) {  // in functions that are no sites
        EXPECT_TRUE(sites_.returned_to(other + kCallSize)) << std::hex << other;
    }
}

TEST_F(EngineCallsAtRunTime, EveryCertainKernelCallIsMadeFromItsAddress) {
    const std::set<Addr> callers = callers_of(kernel_);
    for_each_statement(Statement::Kind::calls_import, [&](const game::Site&, const Statement& s) {
        EXPECT_TRUE(callers.contains(s.at + kImportCallSize)) << std::hex << s.at;
    });
}

TEST_F(EngineCallsAtRunTime, NoOtherCodeOfTheHeapsAndBuffersCallsTheKernel) {
    std::set<Addr> expected;
    for_each_statement(Statement::Kind::calls_import,
                       [&](const game::Site&, const Statement& s) { expected.insert(s.at + kImportCallSize); });
    for (const Addr caller : callers_of(kernel_)) {
        EXPECT_TRUE(expected.contains(caller)) << std::hex << caller;
    }
}

TEST_F(EngineCallsAtRunTime, VirtualCallsOfTheBackingAreMadeFromTheirAddresses) {
    constexpr std::uint32_t kRegisterCallSize = 2;
    for (const Addr call : {0x00AA95ACU, 0x00AA9BB7U, 0x00AA8F2DU}) {
        EXPECT_TRUE(sites_.returned_to(call + kRegisterCallSize)) << std::hex << call;
    }
}

TEST_F(EngineCallsAtRunTime, PoolMethodsTakeTheLockWithTheLabelThatTheyPush) {
    for (const Addr call : {0x00AA6AB4U, 0x00AA6C8CU, 0x00AA6FA4U}) {
        EXPECT_TRUE(sites_.returned_to(call + kCallSize)) << std::hex << call;
    }
}

}  // namespace
}  // namespace mp::standin::test
