// The shape of the C runtime's heap functions and of the media allocator: the calls and returns that are certain stand
// at their places, and they are what calls and returns at run time.
#include "crt/crt.h"
#include "game/functions.h"
#include "map/addresses.h"
#include "media/media.h"
#include "memory/engine.h"
#include "memory_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace mp::standin::test {
namespace {

using game::Addr;
using game::Group;
using game::Site;
using game::Statement;

bool is_whole_group(Group group) {
    return group == Group::crt_heap || group == Group::crt_small_blocks || group == Group::media_samples;
}

const std::uint8_t* code_at(Addr va) {
    return at<const std::uint8_t>(va);
}

constexpr Addr kDirectCallBytes = 5;
constexpr Addr kSlotCallBytes = 6;
constexpr Addr kRegisterCallBytes = 2;

bool calls_register(Addr va) {
    return code_at(va)[0] == 0xFF && (code_at(va)[1] == 0xD6 || code_at(va)[1] == 0xD7);  // esi, edi
}

/// Where a call at `va` of an import slot returns to.
Addr behind_import_call(Addr va) {
    return va + (calls_register(va) ? kRegisterCallBytes : kSlotCallBytes);
}

void expect_stands(const Site& site, const Statement& statement) {
    const std::uint8_t* code = code_at(statement.at);
    switch (statement.kind) {
    case Statement::Kind::calls_import:
        if (!calls_register(statement.at)) {
            EXPECT_EQ(code[0], 0xFF) << std::hex << statement.at;
            EXPECT_EQ(code[1], 0x15) << std::hex << statement.at;
            EXPECT_EQ(*at<const Addr>(statement.at + 2), statement.to) << std::hex << statement.at;
        }
        break;
    case Statement::Kind::calls:
        EXPECT_EQ(code[0], 0xE8) << std::hex << statement.at;
        EXPECT_EQ(statement.at + kDirectCallBytes + *at<const Addr>(statement.at + 1), statement.to)
            << std::hex << statement.at;
        break;
    case Statement::Kind::in_slot:
        EXPECT_EQ(*at<const Addr>(statement.at), site.va) << std::hex << statement.at;
        break;
    case Statement::Kind::enters_start:
        EXPECT_GT(statement.to, site.va);
        EXPECT_LT(statement.to, site.va + game::kJumpSize);
        break;
    }
}

TEST(Shapes, EveryCertainCallOfTheRuntimeAndOfTheMediaClassesStandsAtItsPlace) {
    std::size_t checked = 0;
    for (const Site& site : game::kSites) {
        for (const Statement& statement : site.statements) {
            if (is_whole_group(site.group)) {
                expect_stands(site, statement);
                ++checked;
            }
        }
    }
    EXPECT_GE(checked, 30U);
}

TEST(Shapes, CallsThroughARegisterAreTheThreeOfTheLibrary) {
    std::set<Addr> found;
    for (const Site& site : game::kSites) {
        for (const Statement& statement : site.statements) {
            if (is_whole_group(site.group) && statement.kind == Statement::Kind::calls_import &&
                calls_register(statement.at)) {
                found.insert(statement.at);
            }
        }
    }
    EXPECT_EQ(found, (std::set<Addr>{0x00ECD23E, 0x00EDE4AC, 0x00EDE507}));
}

TEST(Shapes, MainReturnsAndThoseOfLocalBlocksStandAtTheirPlaces) {
    for (const Addr va : {0x00ECD0A9U, 0x00ECD14FU, 0x00ECD290U, 0x00ECD2EFU, 0x00ECD31EU, 0x00ECD3B0U, 0x00ECD3C1U,
                          0x00EDE578U, 0x00EDE628U, 0x00EDE730U, 0x009FB1B3U, 0x009FCCCEU, 0x009FCD3CU, 0x009FCDB3U}) {
        EXPECT_EQ(*code_at(va), 0xC3) << std::hex << va;
    }
}

TEST(Shapes, LocalBlocksAreCalledAndTheEarlyWayOutLeadsToTheEpilogue) {
    const auto target = [](Addr call) { return call + kDirectCallBytes + *at<const Addr>(call + 1); };
    EXPECT_EQ(target(0x00ECD06E), 0x00ECD0A1U);  // realloc
    EXPECT_EQ(target(0x00ECD2D7), 0x00ECD2E7U);  // free
    EXPECT_EQ(target(0x00ECD38F), 0x00ECD3B9U);  // _msize
    constexpr Addr kEarlyOut = 0x00EDE29C;       // 0F 8x rel32
    EXPECT_EQ(code_at(kEarlyOut)[0], 0x0F);
    EXPECT_EQ(kEarlyOut + kSlotCallBytes + *at<const Addr>(kEarlyOut + 2), 0x00EDE575U);
}

// --- at run time -----------------------------------------------------------------------------------------------------

/// Notes from where the engine calls one import slot, and lets a number of calls fail.
class Callers {
public:
    explicit Callers(Addr slot) : slot_(slot), replacement_(slot, function_for(slot)) { next() = this; }
    ~Callers() { next() = nullptr; }
    Callers(const Callers&) = delete;
    Callers& operator=(const Callers&) = delete;

    void fail_next(unsigned count) { failures_ = count; }
    /// True when the call that stands at `va` was made.
    [[nodiscard]] bool saw(Addr va) const {
        return std::find(seen_.begin(), seen_.end(), behind_import_call(va)) != seen_.end();
    }

private:
    template <Addr Slot>
    static Callers*& of() {
        static Callers* current = nullptr;
        return current;
    }
    template <Addr Slot, typename... Words>
    static std::uint32_t MP_STDCALL note(Words... words) {
        Callers& self = *of<Slot>();
        self.seen_.push_back(addr_of(__builtin_return_address(0)));
        if (self.failures_ != 0) {
            --self.failures_;
            return 0;
        }
        using Function = std::uint32_t(MP_STDCALL*)(Words...);
        return at<std::remove_pointer_t<Function>>(self.replacement_.original())(words...);
    }
    using W = std::uint32_t;
    static const void* function_for(Addr slot) {
        switch (slot) {
        case game::import_slot::kHeapAlloc:
            return reinterpret_cast<const void*>(&note<game::import_slot::kHeapAlloc, W, W, W>);
        case game::import_slot::kHeapFree:
            return reinterpret_cast<const void*>(&note<game::import_slot::kHeapFree, W, W, W>);
        case game::import_slot::kVirtualAlloc:
            return reinterpret_cast<const void*>(&note<game::import_slot::kVirtualAlloc, W, W, W, W>);
        case game::import_slot::kVirtualFree:
            return reinterpret_cast<const void*>(&note<game::import_slot::kVirtualFree, W, W, W>);
        case game::import_slot::kEnterCriticalSection:
            return reinterpret_cast<const void*>(&note<game::import_slot::kEnterCriticalSection, W>);
        default:
            return reinterpret_cast<const void*>(&note<game::import_slot::kLeaveCriticalSection, W>);
        }
    }
    Callers*& next() const {
        switch (slot_) {
        case game::import_slot::kHeapAlloc:
            return of<game::import_slot::kHeapAlloc>();
        case game::import_slot::kHeapFree:
            return of<game::import_slot::kHeapFree>();
        case game::import_slot::kVirtualAlloc:
            return of<game::import_slot::kVirtualAlloc>();
        case game::import_slot::kVirtualFree:
            return of<game::import_slot::kVirtualFree>();
        case game::import_slot::kEnterCriticalSection:
            return of<game::import_slot::kEnterCriticalSection>();
        default:
            return of<game::import_slot::kLeaveCriticalSection>();
        }
    }

    Addr slot_;
    std::vector<Addr> seen_;
    unsigned failures_ = 0;
    SlotReplacement replacement_;
};

/// Selects the small-block heap for the life of the object.
class SmallBlocksActive {
public:
    SmallBlocksActive() { *at<std::uint32_t>(game::data::kActiveHeap) = kSmallBlocks; }
    ~SmallBlocksActive() { *at<std::uint32_t>(game::data::kActiveHeap) = kSystemHeap; }
    SmallBlocksActive(const SmallBlocksActive&) = delete;
    SmallBlocksActive& operator=(const SmallBlocksActive&) = delete;
};

void* crt_malloc(std::uint32_t size) {
    return fn::kCrtMalloc(size);
}

TEST(Shapes, TheRuntimesCallsOfTheSystemHeapAreThoseInItsText) {
    Callers allocs(game::import_slot::kHeapAlloc);
    Callers frees(game::import_slot::kHeapFree);
    fn::kCrtFree(crt_malloc(24));
    EXPECT_TRUE(allocs.saw(0x00ECD23E));
    EXPECT_TRUE(frees.saw(0x00ECD2F9));
    fn::kCrtFree(fn::kCrtCalloc(3U, 8U));
    EXPECT_TRUE(allocs.saw(0x00EE16A0));
}

TEST(Shapes, ReallocMovesASmallBlockToTheSystemHeapByTheCallInItsText) {
    const SmallBlocksActive active;
    void* block = crt_malloc(100);
    Callers allocs(game::import_slot::kHeapAlloc);
    block = fn::kCrtRealloc(block, 5000U);
    EXPECT_TRUE(allocs.saw(0x00ECD03A));
    fn::kCrtFree(block);
}

TEST(Shapes, TheSmallBlockHeapsCallsOfTheSystemAreThoseInItsText) {
    Callers heap_allocs(game::import_slot::kHeapAlloc);
    Callers heap_frees(game::import_slot::kHeapFree);
    Callers allocs(game::import_slot::kVirtualAlloc);
    Callers frees(game::import_slot::kVirtualFree);
    const SmallBlocksActive active;
    std::vector<void*> blocks;
    for (unsigned i = 0; i < 3 * 1024; ++i) {  // some 3 MB
        blocks.push_back(crt_malloc(1000));
    }
    EXPECT_TRUE(heap_allocs.saw(0x00EDE5D6));
    EXPECT_TRUE(allocs.saw(0x00EDE5F0));
    EXPECT_TRUE(allocs.saw(0x00EDE67D));
    for (void* block : blocks) {
        fn::kCrtFree(block);
    }
    EXPECT_TRUE(frees.saw(0x00EDE4AC));
    EXPECT_TRUE(frees.saw(0x00EDE507));
    EXPECT_TRUE(heap_frees.saw(0x00EDE519));
    allocs.fail_next(1);
    EXPECT_EQ(fn::kNewSmallBlockRegion(), nullptr);
    EXPECT_TRUE(heap_frees.saw(0x00EDE607));
}

TEST(Shapes, TheMediaAllocatorsCallsOfTheSystemAreThoseInItsText) {
    game::MediaAllocator* allocator = create_media_allocator();
    Callers enters(game::import_slot::kEnterCriticalSection);
    Callers leaves(game::import_slot::kLeaveCriticalSection);
    Callers allocs(game::import_slot::kVirtualAlloc);
    Callers frees(game::import_slot::kVirtualFree);
    EXPECT_LT(commit_media(*allocator), 0);  // no sizes yet
    EXPECT_TRUE(enters.saw(0x009FCC97));
    EXPECT_TRUE(leaves.saw(0x009FCCB3));
    set_media_properties(*allocator, {2, 100, 1, 0});
    allocs.fail_next(1);
    EXPECT_EQ(commit_media(*allocator), game::kHresultOutOfMemory);
    EXPECT_TRUE(allocs.saw(0x009FCD10));
    EXPECT_TRUE(leaves.saw(0x009FCD1E));
    EXPECT_EQ(commit_media(*allocator), game::kHresultOk);
    EXPECT_TRUE(leaves.saw(0x009FCD98));
    set_media_properties(*allocator, {3, 100, 1, 0});
    EXPECT_EQ(commit_media(*allocator), game::kHresultOk);
    EXPECT_TRUE(frees.saw(0x009FB1A5));
    destroy_media_allocator(allocator);
}

}  // namespace
}  // namespace mp::standin::test
