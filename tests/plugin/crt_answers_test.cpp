// What the ten entries of the C runtime answer at their limits: the original's answers and those of the replacement are
// the same (engine contract G.1).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <ostream>
#include <utility>

#include "alloc/mp_alloc.h"
#include "crt/crt.h"
#include "front_doors.h"
#include "game/functions.h"
#include "refusal.h"

namespace mp::test {
namespace {

using standin::crt_errno;

constexpr std::uint32_t kTooLarge = 0xFFFFFFE1;  // above the runtime's limit
constexpr std::uint32_t kNoSpace = 0xF0000000;   // below it, but no address space holds it
constexpr std::uint32_t kOverflow = 0x10000;     // kOverflow * kOverflow does not fit
constexpr std::uint32_t kBlockBytes = 100;
constexpr std::uint32_t kNoSize = 0xFFFFFFFF;

unsigned invalid_parameters = 0;
unsigned new_handler_calls = 0;

void MP_CDECL note_invalid(const wchar_t*, const wchar_t*, const wchar_t*, std::uint32_t, std::uint32_t) {
    ++invalid_parameters;
}
std::int32_t MP_CDECL give_up(std::uint32_t) {
    ++new_handler_calls;
    return 0;
}

/// Puts both handlers in place for the life of the object.
class Handlers {
public:
    Handlers()
        : invalid_(std::exchange(word(standin::kCrtInvalidParameterHandler), address(&note_invalid))),
          memory_(std::exchange(word(standin::kCrtNewHandler), address(&give_up))) {}
    ~Handlers() {
        word(standin::kCrtInvalidParameterHandler) = invalid_;
        word(standin::kCrtNewHandler) = memory_;
    }
    Handlers(const Handlers&) = delete;
    Handlers& operator=(const Handlers&) = delete;

private:
    static std::uint32_t& word(Addr va) { return *game::at<std::uint32_t>(va); }
    template <typename Function>
    static std::uint32_t address(Function* function) {
        return game::addr_of(reinterpret_cast<const void*>(function));
    }
    std::uint32_t invalid_;
    std::uint32_t memory_;
};

/// A block that must outlive a refusal with its contents.
class OldBlock {
public:
    OldBlock() : block_(crt_malloc(kBlockBytes)) { fill(block_, kBlockBytes, kBlockBytes); }
    ~OldBlock() {
        EXPECT_TRUE(intact(block_, kBlockBytes, kBlockBytes));
        EXPECT_GE(crt_msize(block_), kBlockBytes);
        crt_free(block_);
    }
    OldBlock(const OldBlock&) = delete;
    OldBlock& operator=(const OldBlock&) = delete;
    [[nodiscard]] void* get() const { return block_; }

private:
    void* block_;
};

struct Answer {
    bool block = false;  ///< a block, as against NULL
    std::int32_t error = 0;
    unsigned invalid = 0;
    unsigned new_handler = 0;

    bool operator==(const Answer&) const = default;
};

void PrintTo(const Answer& a, std::ostream* out) {
    *out << (a.block ? "block" : "NULL") << ", errno " << a.error << ", invalid-parameter handler " << a.invalid
         << ", new-handler " << a.new_handler;
}

/// What `call` answers; a block is freed.
template <typename Call>
Answer answer_of(Call call) {
    crt_errno() = 0;
    invalid_parameters = 0;
    new_handler_calls = 0;
    void* block = call();
    const Answer answer{block != nullptr, crt_errno(), invalid_parameters, new_handler_calls};
    crt_free(block);
    return answer;
}

struct Case {
    const char* name;
    void* (*call)();
    Answer expected;
};

void* malloc_crt(std::uint32_t size) {
    return game::fn::kCrtMallocCrt(size);
}
void* calloc_crt(std::uint32_t count, std::uint32_t size) {
    return game::fn::kCrtCallocCrt(count, size);
}
void* realloc_crt(void* block, std::uint32_t size) {
    return game::fn::kCrtReallocCrt(block, size);
}
void* recalloc_crt(void* block, std::uint32_t count, std::uint32_t size) {
    return game::fn::kCrtRecallocCrt(block, count, size);
}
void* old_block() {
    return crt_malloc(kBlockBytes);
}

constexpr Answer kBlock{true, 0, 0, 0};
constexpr Answer kNull{false, 0, 0, 0};
constexpr Answer kNoMemory{false, game::kErrnoNoMemory, 0, 0};
constexpr Answer kAsked{false, game::kErrnoNoMemory, 0, 1};
constexpr Answer kInvalid{false, game::kErrnoNoMemory, 1, 0};

const Case kCases[] = {
    {"malloc of nothing", [] { return crt_malloc(0); }, kBlock},
    {"malloc without space", [] { return crt_malloc(kNoSpace); }, kNoMemory},
    {"malloc, too large", [] { return crt_malloc(kTooLarge); }, kAsked},
    {"calloc of nothing", [] { return crt_calloc(0, 8); }, kBlock},
    {"calloc without space", [] { return crt_calloc(2, kNoSpace / 2); }, kNoMemory},
    {"calloc, product too large", [] { return crt_calloc(kOverflow, kOverflow); }, kInvalid},
    {"calloc, product wraps to 2", [] { return crt_calloc(0x80000001, 2); }, kInvalid},
    {"calloc, above the limit", [] { return crt_calloc(1, kTooLarge); }, kInvalid},
    {"realloc of NULL to nothing", [] { return crt_realloc(nullptr, 0); }, kBlock},
    {"realloc of NULL without space", [] { return crt_realloc(nullptr, kNoSpace); }, kNoMemory},
    {"realloc of NULL, too large", [] { return crt_realloc(nullptr, kTooLarge); }, kAsked},
    {"realloc to nothing", [] { return crt_realloc(old_block(), 0); }, kNull},
    {"recalloc of NULL to nothing", [] { return crt_recalloc(nullptr, 0, 8); }, kBlock},
    {"recalloc of NULL without space", [] { return crt_recalloc(nullptr, 2, kNoSpace / 2); }, kNoMemory},
    {"recalloc of NULL, product too large", [] { return crt_recalloc(nullptr, kOverflow, kOverflow); }, kInvalid},
    {"recalloc to nothing", [] { return crt_recalloc(old_block(), 0, 8); }, kNull},
    {"_malloc_crt of nothing", [] { return malloc_crt(0); }, kBlock},
    {"_malloc_crt without space", [] { return malloc_crt(kNoSpace); }, kNoMemory},
    {"_calloc_crt, product too large", [] { return calloc_crt(kOverflow, kOverflow); }, kInvalid},
    {"_calloc_crt without space", [] { return calloc_crt(2, kNoSpace / 2); }, kNull},  // asks for no error number
    {"_realloc_crt of NULL to nothing", [] { return realloc_crt(nullptr, 0); }, kBlock},
    {"_realloc_crt to nothing", [] { return realloc_crt(old_block(), 0); }, kNull},
    {"_recalloc_crt to nothing", [] { return recalloc_crt(old_block(), 8, 0); }, kNull},
    {"_recalloc_crt of NULL, product too large", [] { return recalloc_crt(nullptr, kOverflow, kOverflow); }, kInvalid},
};

/// The same for refusals that leave a block behind.
struct RefusalCase {
    const char* name;
    void* (*call)(void*);
    Answer expected;
};

const RefusalCase kRefusals[] = {
    {"realloc without space", [](void* p) { return crt_realloc(p, kNoSpace); }, kNoMemory},
    {"realloc, too large", [](void* p) { return crt_realloc(p, kTooLarge); }, kAsked},
    {"recalloc without space", [](void* p) { return crt_recalloc(p, 2, kNoSpace / 2); }, kNoMemory},
    {"recalloc, product too large", [](void* p) { return crt_recalloc(p, kOverflow, kOverflow); }, kInvalid},
    {"recalloc, product wraps to nothing", [](void* p) { return crt_recalloc(p, 0x40000000, 8); }, kInvalid},
    {"_realloc_crt without space", [](void* p) { return realloc_crt(p, kNoSpace); }, kNoMemory},
    {"_realloc_crt, too large", [](void* p) { return realloc_crt(p, kTooLarge); }, kAsked},
    {"_recalloc_crt without space", [](void* p) { return recalloc_crt(p, 2, kNoSpace / 2); }, kNoMemory},
    {"_recalloc_crt, product too large", [](void* p) { return recalloc_crt(p, kOverflow, kOverflow); }, kInvalid},
};

void expect_the_contracts_answers(const char* whose) {
    for (const Case& c : kCases) {
        EXPECT_EQ(answer_of(c.call), c.expected) << whose << ": " << c.name;
    }
    for (const RefusalCase& c : kRefusals) {
        const OldBlock old;
        EXPECT_EQ(answer_of([&] { return c.call(old.get()); }), c.expected) << whose << ": " << c.name;
    }
    std::uint32_t size = 0;
    const Answer answer = answer_of([&]() -> void* {
        size = crt_msize(nullptr);
        return nullptr;
    });
    EXPECT_EQ(answer, (Answer{false, game::kErrnoInvalid, 1, 0})) << whose << ": _msize of NULL";
    EXPECT_EQ(size, kNoSize);
}

TEST_F(FullMode, AnswersOfTheRuntimesEntriesAtTheirLimitsAreTheOriginals) {
    const Handlers handlers;
    expect_the_contracts_answers("original, or replaced already by another test");
    activate();
    expect_the_contracts_answers("replaced");
}

TEST_F(FullMode, RefusalsOfABlockFromBeforeAreTheOriginals) {
    const Handlers handlers;
    const OldBlock from_before;
    activate();
    for (const RefusalCase& c : kRefusals) {
        EXPECT_EQ(answer_of([&] { return c.call(from_before.get()); }), c.expected) << c.name;
    }
}

constexpr std::uint32_t kGrown = 40U << 20;  // more than any free run of ours holds

TEST_F(FullMode, ABlockThatCannotGrowInOurMemoryGrowsInTheRuntimesHeap) {
    activate();
    using Grow = void* (*)(void*);
    const std::array<Grow, 4> entries{
        [](void* p) { return crt_realloc(p, kGrown); }, [](void* p) { return realloc_crt(p, kGrown); },
        [](void* p) { return crt_recalloc(p, 1, kGrown); }, [](void* p) { return recalloc_crt(p, 1, kGrown); }};
    for (std::size_t i = 0; i < entries.size(); ++i) {
        void* old = old_block();
        const std::uint32_t old_size = crt_msize(old);
        fill(old, old_size, kBlockBytes);
        void* grown = nullptr;
        {
            mp_trim(0);
            const Refusal refusal(1, kForGood);  // of our memory; the runtime's own heap is the system's business
            grown = entries[i](old);
        }
        ASSERT_NE(grown, nullptr) << i;
        EXPECT_EQ(mp_owns(grown), 0) << i;
        EXPECT_EQ(mp_usable_size(old), 0U) << i;
        EXPECT_TRUE(intact(grown, old_size, kBlockBytes)) << i;
        if (i >= 2) {
            const auto* bytes = static_cast<const std::uint8_t*>(grown);
            EXPECT_EQ(std::count(bytes + old_size, bytes + kGrown, 0), kGrown - old_size) << i;
        }
        crt_free(grown);
    }
}

TEST_F(FullMode, BeforeTheRuntimeHasItsHeapARefusalIsNullAndEndsNothing) {
    activate();
    const OldBlock old;
    auto& heap = *game::at<std::uint32_t>(game::data::kCrtHeap);
    mp_trim(0);
    const Refusal refusal(1, kForGood);
    const std::uint32_t kept = std::exchange(heap, 0);
    const std::array<void*, 7> answers{crt_malloc(kGrown),
                                       crt_calloc(1, kGrown),
                                       crt_realloc(nullptr, kGrown),
                                       crt_realloc(old.get(), kGrown),
                                       crt_recalloc(old.get(), 1, kGrown),
                                       crt_malloc(kTooLarge),
                                       crt_calloc(kOverflow, kOverflow)};
    heap = kept;
    EXPECT_EQ(std::ranges::count(answers, nullptr), std::ssize(answers));
}

TEST_F(FullMode, ClearedBlocksOfEverySizeAreClearToTheirMeasuredEnd) {
    activate();
    for (const std::uint32_t size : {1U, 100U, 1000U, 5000U, 20001U, 70000U, 1500000U}) {
        for (int round = 0; round < 3; ++round) {  // fresh memory first, then memory that was written to
            auto* block = static_cast<std::uint8_t*>(crt_calloc(1, size));
            const std::uint32_t usable = crt_msize(block);
            EXPECT_EQ(std::count(block, block + usable, 0), usable) << size;
            std::fill(block, block + usable, std::uint8_t{0xEE});
            crt_free(block);
        }
    }
}

}  // namespace
}  // namespace mp::test
