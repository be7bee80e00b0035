// What the start-up leaves behind, the console, the pool sort of the main loop.
#include "game/functions.h"
#include "map/addresses.h"
#include "memory/engine.h"
#include "memory_test_support.h"
#include "startup/console.h"

#include <gtest/gtest.h>
#include <windows.h>

#include <cstdarg>

namespace mp::standin::test {
namespace {

TEST(Start, StaticInitialisersBuiltTheMemoryManager) {
    EXPECT_EQ(manager().initialised, 1);
    EXPECT_EQ(manager().heap_count, 3);
    EXPECT_NE(*at<std::uint32_t>(game::data::kScrapHeapManager), 0U);
    EXPECT_NE(*at<std::uint32_t>(game::data::kPoolBySize + 8), 0U);
}

void print_to_console(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    void* console = fn::kConsole(true);
    fn::kConsolePrint(console, format, arguments);
    va_end(arguments);
}

TEST(Console, KeepsTheLinesThatArePrinted) {
    clear_console();
    set_console_echo(false);
    print_to_console("%d of %s", 3, "seventeen");
    print_to_console("second");
    set_console_echo(true);
    EXPECT_EQ(console_lines(), (std::vector<std::string>{"3 of seventeen", "second"}));
    clear_console();
    EXPECT_TRUE(console_lines().empty());
}

TEST(PoolSort, EachFrameSortsTheNextPool) {
    auto& counter = *at<std::uint8_t>(kFramePoolSortCounter);
    *at<float>(kFramePoolSortTimer) = 1.0F;
    counter = 254;
    fn::kFramePoolSort();
    EXPECT_EQ(counter, 255);
    EXPECT_EQ(*at<float>(kFramePoolSortTimer), 1.0F);
    fn::kFramePoolSort();
    EXPECT_EQ(counter, 0);
    fn::kFramePoolSort();  // a new round
    EXPECT_EQ(counter, 1);
    EXPECT_EQ(*at<float>(kFramePoolSortTimer), 0.0F);
}

/// Writes code bytes for the life of the object.
class CodeEdit {
public:
    CodeEdit(game::Addr va, std::vector<std::uint8_t> bytes) : va_(va), bytes_(std::move(bytes)) { swap(); }
    ~CodeEdit() { swap(); }
    CodeEdit(const CodeEdit&) = delete;
    CodeEdit& operator=(const CodeEdit&) = delete;

private:
    void swap() {
        DWORD old = 0;
        VirtualProtect(at<void>(va_), bytes_.size(), PAGE_READWRITE, &old);
        std::swap_ranges(bytes_.begin(), bytes_.end(), at<std::uint8_t>(va_));
        VirtualProtect(at<void>(va_), bytes_.size(), old, &old);
        FlushInstructionCache(GetCurrentProcess(), at<void>(va_), bytes_.size());
    }
    game::Addr va_;
    std::vector<std::uint8_t> bytes_;
};

TEST(PoolSort, TheKnownPatchJumpsOverIt) {
    auto& counter = *at<std::uint8_t>(kFramePoolSortCounter);
    counter = 7;
    {
        const CodeEdit patch(0x0086EED4, {0xEB, 0x55});
        fn::kFramePoolSort();
    }
    EXPECT_EQ(counter, 7);
}

TEST(Start, SizesWrittenByTheExtenderAreTheHeapsReserves) {
    const CodeEdit default_heap(game::data::kDefaultHeapReserve, {0x00, 0x00, 0x00, 0x10});  // 256 MB
    const CodeEdit file_heap(game::data::kFileHeapReserve, {0x00, 0x00, 0x00, 0x06});        // 96 MB
    KernelProbe kernel;
    static game::MemoryManager second{};
    fn::kCreateHeaps(&second);
    std::vector<std::uint32_t> reserved;
    for (const KernelProbe::Call& call : kernel.allocs()) {
        if (call.type == sys::kReserve) {
            reserved.push_back(call.bytes);
        }
    }
    EXPECT_EQ(reserved, (std::vector<std::uint32_t>{0x10000000, 0x06000000}));
    for (unsigned i : {0U, 1U, 2U}) {
        const game::Ptr32 heap = at<const game::Ptr32>(second.heaps)[i];
        if (*at<const game::Ptr32>(heap) == game::data::kMemoryHeapVtable) {
            fn::kHeapDestroy(at<game::MemoryHeap>(heap));
        }
    }
}

}  // namespace
}  // namespace mp::standin::test
