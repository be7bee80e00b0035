// What the C runtime's entries answer at their limits (engine contract G.1): results, errno, handlers, the process's
// end.
#include "crt/crt.h"
#include "game/functions.h"
#include "memory/engine.h"
#include "memory_test_support.h"

#include <gtest/gtest.h>
#include <windows.h>

#include <cstring>
#include <thread>
#include <utility>

namespace mp::standin::test {
namespace {

using std::int32_t;
using std::uint32_t;

constexpr uint32_t kTooLarge = 0xFFFFFFE1;
constexpr uint32_t kOverflow = 0x10000;  // kOverflow * kOverflow does not fit

unsigned invalid_parameters = 0;
void MP_CDECL note_invalid(const wchar_t*, const wchar_t*, const wchar_t*, uint32_t, uint32_t) {
    ++invalid_parameters;
}

unsigned new_handler_calls = 0;
unsigned new_handler_help = 0;  ///< how often it says that it found memory
int32_t MP_CDECL new_handler(uint32_t) {
    ++new_handler_calls;
    return new_handler_help != 0 ? static_cast<int32_t>(new_handler_help--) : 0;
}

unsigned refusals = 0;
uint32_t MP_STDCALL refuse_resize(void*, uint32_t, void*, uint32_t) {
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return 0;
}
int32_t MP_STDCALL refuse_free(void*, uint32_t, void*) {
    SetLastError(ERROR_INVALID_HANDLE);
    return 0;
}

using HeapAllocFn = void*(MP_STDCALL*)(void*, uint32_t, uint32_t);
HeapAllocFn system_alloc = nullptr;
void* MP_STDCALL refuse(void* heap, uint32_t flags, uint32_t size) {
    return refusals != 0 ? (--refusals, nullptr) : system_alloc(heap, flags, size);
}

/// The next `count` calls of HeapAlloc fail.
class Refusing {
public:
    explicit Refusing(unsigned count) : slot_(game::import_slot::kHeapAlloc, reinterpret_cast<const void*>(&refuse)) {
        system_alloc = at<std::remove_pointer_t<HeapAllocFn>>(slot_.original());
        refusals = count;
    }

private:
    SlotReplacement slot_;
};

class CrtAnswers : public testing::Test {
protected:
    void SetUp() override {
        word(kCrtInvalidParameterHandler) = addr_of(reinterpret_cast<const void*>(&note_invalid));
        word(kCrtNewHandler) = addr_of(reinterpret_cast<const void*>(&new_handler));
        word(kCrtNewMode) = 0;
        crt_errno() = 0;
        invalid_parameters = new_handler_calls = new_handler_help = 0;
    }
    void TearDown() override { word(kCrtInvalidParameterHandler) = word(kCrtNewHandler) = word(kCrtNewMode) = 0; }
    static uint32_t& word(game::Addr va) { return *at<uint32_t>(va); }
    static void* crt_malloc(uint32_t size) { return fn::kCrtMalloc(size); }
    static void* crt_calloc(uint32_t count, uint32_t size) { return fn::kCrtCalloc(count, size); }
    static void* crt_realloc(void* p, uint32_t size) { return fn::kCrtRealloc(p, size); }
    static void* crt_recalloc(void* p, uint32_t n, uint32_t size) { return fn::kCrtRecalloc(p, n, size); }
    static uint32_t crt_size(void* p) { return fn::kCrtMsize(p); }
    static void crt_free(void* p) { fn::kCrtFree(p); }
    /// errno since the last look.
    static int32_t error() { return std::exchange(crt_errno(), 0); }
};

TEST_F(CrtAnswers, ErrnoIsTheThreadsOwn) {
    crt_errno() = 5;
    int32_t other = 1;
    std::thread([&] { other = crt_errno(); }).join();
    EXPECT_EQ(other, 0);
    EXPECT_EQ(crt_errno(), 5);
}

TEST_F(CrtAnswers, MallocRefusedWithoutNewModeIsNoMemoryAndAsksNobody) {
    const Refusing refusing(1);
    EXPECT_EQ(crt_malloc(8), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(new_handler_calls, 0U);
}

TEST_F(CrtAnswers, WithNewModeTheNewHandlerIsAskedUntilItGivesUp) {
    word(kCrtNewMode) = 1;
    new_handler_help = 2;
    const Refusing refusing(2);
    void* block = crt_malloc(8);
    EXPECT_NE(block, nullptr);
    EXPECT_EQ(new_handler_calls, 2U);
    crt_free(block);
    refusals = 1;
    EXPECT_EQ(crt_malloc(8), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    refusals = 1;
    EXPECT_EQ(crt_calloc(1, 8), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(new_handler_calls, 4U);
}

TEST_F(CrtAnswers, AboveTheLimitMallocAndReallocAskTheNewHandlerOnce) {
    EXPECT_EQ(crt_malloc(kTooLarge), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(new_handler_calls, 1U);
    void* block = crt_malloc(8);
    EXPECT_EQ(crt_realloc(block, kTooLarge), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(new_handler_calls, 2U);
    crt_free(block);
}

TEST_F(CrtAnswers, ProductTooLargeIsNoMemoryAndAnInvalidParameter) {
    EXPECT_EQ(crt_calloc(kOverflow, kOverflow), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(crt_recalloc(nullptr, kOverflow, kOverflow), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    void* block = crt_malloc(8);
    std::memset(block, 0x5A, 8);
    EXPECT_EQ(crt_recalloc(block, kOverflow, kOverflow), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(*static_cast<uint32_t*>(block), 0x5A5A5A5AU);
    EXPECT_EQ(invalid_parameters, 3U);
    crt_free(block);
}

TEST_F(CrtAnswers, CallocRefusedIsNoMemory) {
    const Refusing refusing(1);
    EXPECT_EQ(crt_calloc(2, 8), nullptr);
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(invalid_parameters, 0U);
}

TEST_F(CrtAnswers, ReallocRefusedIsNoMemoryAndTheOldBlockStays) {
    void* block = crt_malloc(8);
    std::memset(block, 0x5A, 8);
    {
        const SlotReplacement resize(import_slot_of("HeapReAlloc"), reinterpret_cast<const void*>(&refuse_resize));
        EXPECT_EQ(crt_realloc(block, 100), nullptr);
        EXPECT_EQ(error(), game::kErrnoNoMemory);
        EXPECT_EQ(crt_recalloc(block, 10, 10), nullptr);
        EXPECT_EQ(error(), game::kErrnoNoMemory);
    }
    EXPECT_EQ(*static_cast<uint32_t*>(block), 0x5A5A5A5AU);
    crt_free(block);
}

TEST_F(CrtAnswers, ReallocOfASmallBlockRefusedIsNoMemoryAndTheOldBlockStays) {
    word(game::data::kActiveHeap) = kSmallBlocks;
    void* block = crt_malloc(100);
    std::memset(block, 0x5A, 100);
    {
        const Refusing refusing(1);
        EXPECT_EQ(crt_realloc(block, 5000), nullptr);
    }
    EXPECT_EQ(error(), game::kErrnoNoMemory);
    EXPECT_EQ(*static_cast<uint32_t*>(block), 0x5A5A5A5AU);
    EXPECT_GE(crt_size(block), 100U);
    crt_free(block);
    word(game::data::kActiveHeap) = kSystemHeap;
}

TEST_F(CrtAnswers, SizeOfNullIsAnInvalidParameterAndMinusOne) {
    EXPECT_EQ(crt_size(nullptr), 0xFFFFFFFFU);
    EXPECT_EQ(error(), game::kErrnoInvalid);
    EXPECT_EQ(invalid_parameters, 1U);
}

TEST_F(CrtAnswers, ARefusalOfHeapFreeGoesToErrno) {
    constexpr int32_t kBadHandle = 9;  // EBADF
    void* block = crt_malloc(8);
    {
        const SlotReplacement free(game::import_slot::kHeapFree, reinterpret_cast<const void*>(&refuse_free));
        crt_free(block);
    }
    EXPECT_EQ(error(), kBadHandle);
    crt_free(block);
    crt_free(nullptr);
    EXPECT_EQ(error(), 0);
}

// --- the process's end -----------------------------------------------------------------------------------------------

uint32_t ended_with = 0;
void MP_STDCALL note_exit(uint32_t code) {
    ended_with = code;
    ExitThread(0);
}
int32_t MP_STDCALL note_termination(void*, uint32_t code) {
    note_exit(code);
    return 0;
}

DWORD WINAPI run(void* call) {
    reinterpret_cast<void (*)()>(call)();
    return 0;
}

/// Runs `call` on a thread of its own, which the noted end of the process ends. Returns the exit code, 0 for none.
uint32_t end_of_process(void (*call)()) {
    const SlotReplacement exit(import_slot_of("ExitProcess"), reinterpret_cast<const void*>(&note_exit));
    const SlotReplacement terminate(import_slot_of("TerminateProcess"),
                                    reinterpret_cast<const void*>(&note_termination));
    ended_with = 0;
    HANDLE thread = CreateThread(nullptr, 0, &run, reinterpret_cast<void*>(call), 0, nullptr);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    return ended_with;
}

TEST_F(CrtAnswers, BeforeTheHeapIsBuiltMallocEndsTheProcessWith255) {
    constexpr uint32_t kExitCode = 255;
    const uint32_t heap = std::exchange(word(game::data::kCrtHeap), 0);
    const uint32_t code = end_of_process([] { crt_malloc(8); });
    word(game::data::kCrtHeap) = heap;
    EXPECT_EQ(code, kExitCode);
}

TEST_F(CrtAnswers, WithoutAHandlerAnInvalidParameterEndsTheProcess) {
    constexpr uint32_t kInvalidRuntimeParameter = 0xC0000417;
    word(kCrtInvalidParameterHandler) = 0;
    EXPECT_EQ(end_of_process([] { crt_calloc(kOverflow, kOverflow); }), kInvalidRuntimeParameter);
    EXPECT_EQ(end_of_process([] { crt_size(nullptr); }), kInvalidRuntimeParameter);
}

uint32_t heap_options[3];
void* MP_STDCALL note_heap(uint32_t flags, uint32_t initial, uint32_t maximum) {
    heap_options[0] = flags;
    heap_options[1] = initial;
    heap_options[2] = maximum;
    return at<void>(0x12345678);
}

TEST_F(CrtAnswers, HeapInitMakesAHeapOf4KWithoutMaximumAndSelectsTheSystemHeap) {
    const uint32_t heap = word(game::data::kCrtHeap);
    word(game::data::kActiveHeap) = 0;
    {
        const SlotReplacement create(import_slot_of("HeapCreate"), reinterpret_cast<const void*>(&note_heap));
        EXPECT_EQ(game::Cdecl<int32_t(int32_t)>{game::code::kHeapInit}(1), 1);
    }
    EXPECT_EQ(word(game::data::kCrtHeap), 0x12345678U);
    EXPECT_EQ(word(game::data::kActiveHeap), kSystemHeap);
    EXPECT_EQ(heap_options[0], 0U);
    EXPECT_EQ(heap_options[1], 0x1000U);
    EXPECT_EQ(heap_options[2], 0U);
    word(game::data::kCrtHeap) = heap;
}

unsigned waits = 0;
void MP_STDCALL count_wait(uint32_t) {
    ++waits;
}

TEST_F(CrtAnswers, TheCrtVariantsDoNotWaitAsTheRuntimeStarts) {
    const SlotReplacement sleep(import_slot_of("Sleep"), reinterpret_cast<const void*>(&count_wait));
    const Refusing refusing(1);
    waits = 0;
    EXPECT_EQ(crt_longest_wait_ms(), 0U);
    EXPECT_EQ(fn::kCrtMallocCrt(16U), nullptr);
    EXPECT_EQ(waits, 0U);
}

}  // namespace
}  // namespace mp::standin::test
