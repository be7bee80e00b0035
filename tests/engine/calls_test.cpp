// Every function of the image, called at its address: popped bytes and kept registers, in place and through copies of
// its displaced instructions.
#include "detours.h"
#include "game/call.h"
#include "image/whole_functions.h"
#include "map/functions.h"
#include "media/media.h"
#include "probe.h"

#include <gtest/gtest.h>
#include <windows.h>

#include <map>
#include <memory>

namespace mp::standin::test {
namespace {

using game::Addr;

/// Bytes each function removes from the stack.
std::map<Addr, int> expected_pops() {
    std::map<Addr, int> pops;
    for (const game::Site& site : game::kSites) {
        pops[site.va] = site.bytes_popped;
    }
    pops[fn::kDecommitPage.va] = 4;  // told by its code
    pops[0x00AA75E0] = 8;
    for (const game::Helper& helper : game::kHelpers) {
        pops[helper.va] = helper.bytes_popped;
    }
    enum PoppedAWord { cdecl_ = 0, jump = 0, stdcall_ = 4, thiscall_ = 4, steps = 4 };
#define MP_BODY(kind, va, name, ...) pops[0x##va] = (kind) * static_cast<int>(fn::name.kWords);
#include "map/bodies.inc"
    for (const Addr va : kWholeFunctions) {
        pops[va] = 0;
    }
    for (const Addr va : {fn::kSetMemoryContext.va, fn::kGetMemoryContext.va, fn::kFramePoolSort.va, Addr{0x00AA2020},
                          Addr{0x00AA2740}}) {
        pops[va] = 0;
    }
    pops.erase(fn::kMediaAllocatorDestroyRest.va);  // second halves of functions, no entries
    pops.erase(fn::kManagerConstructRest.va);
    pops.erase(fn::kWinMain.va);       // WinMain: is what runs these tests
    pops.erase(fn::kDestroyPools.va);  // destroys the game's pools: runs when the process ends
    return pops;
}

void expect_all_seen(const std::map<Addr, Seen>& seen) {
    for (const auto& [va, pops] : expected_pops()) {
        const auto it = seen.find(va);
        ASSERT_NE(it, seen.end()) << std::hex << va << " was not called";
        EXPECT_EQ(it->second.popped, pops) << std::hex << va;
        EXPECT_TRUE(it->second.registers_kept && it->second.same_each_time) << std::hex << va;
    }
}

TEST(ImageCalls, EveryFunctionPopsWhatItsConventionSaysAndKeepsTheRegisters) {
    Probe probe;
    tour_of_all_functions(probe);
    expect_all_seen(probe.seen());
}

TEST(ImageCalls, ThePopsOfTheSiteTableAreThoseOfTheBodies) {
    const std::map<Addr, int> pops = expected_pops();
    for (const game::Site& site : game::kSites) {
        if (site.bytes_popped != game::kPopsToldByWalk) {
            EXPECT_EQ(pops.at(site.va), site.bytes_popped) << std::hex << site.va;
        }
    }
}

/// The loop of MediaAllocator::ReallyFree jumps back to its third instruction, behind a jump of five bytes at its start
/// it would land inside that jump: a hook may not call the original while samples are on the list.
constexpr Addr kLoopsIntoItsStart = fn::kMediaReallyFree.va;

TEST(ImageCalls, LoopOfReallyFreeLeadsIntoTheBytesThatAHookDisplaces) {
    const auto* code = reinterpret_cast<const std::uint8_t*>(std::uintptr_t{kLoopsIntoItsStart});
    constexpr std::size_t kJumpBack = 29;
    ASSERT_EQ(code[kJumpBack], 0xEB);
    const int target = static_cast<int>(kJumpBack) + 2 + static_cast<std::int8_t>(code[kJumpBack + 1]);
    EXPECT_LT(target, static_cast<int>(displaced_bytes(game::site(kLoopsIntoItsStart))));
}

TEST(ImageCalls, DisplacedInstructionsOfEverySiteWorkFromACopy) {
    Probe probe;
    auto detours = std::make_unique<DetouredSites>([](Addr va) { return va != kLoopsIntoItsStart; });
    tour_of_all_functions(probe);
    expect_all_seen(probe.seen());
    for (std::size_t i = 0; i < game::kSiteCount; ++i) {
        if (game::kSites[i].va != kLoopsIntoItsStart) {
            EXPECT_GT(detours->entries(i), 0U) << std::hex << game::kSites[i].va << " was not entered";
        }
    }
}

TEST(ImageCalls, DisplacedInstructionsOfReallyFreeWorkFromACopyWhenThereAreNoSamples) {
    game::MediaAllocator* allocator = create_media_allocator();
    Probe probe;
    {
        auto detour = std::make_unique<DetouredSites>([](Addr va) { return va == kLoopsIntoItsStart; });
        probe(kLoopsIntoItsStart, allocator);
    }
    EXPECT_EQ(probe.seen().at(kLoopsIntoItsStart).popped, 0);
    EXPECT_TRUE(probe.seen().at(kLoopsIntoItsStart).registers_kept);
    destroy_media_allocator(allocator);
}

}  // namespace
}  // namespace mp::standin::test
