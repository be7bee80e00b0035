#include "app/patterns.h"

#include "app/clock.h"
#include "app/content.h"
#include "app/engine_calls.h"
#include "app/random.h"
#include "media/media.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <windows.h>

namespace mp::app {
namespace {

using game::Addr;
using game::call_this;

constexpr std::uint32_t k64K = 0x10000;
constexpr std::uint32_t kMegabyte = 0x100000;

std::uint8_t* pointer(game::Ptr32 address) {
    return reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(address));
}

/// One byte a page, as the owner's first use does.
void touch_pages(std::uint8_t* data, std::uint32_t size) {
    for (std::uint32_t at = 0; at < size; at += game::kPoolPageSize) {
        data[at] = 1;
    }
}

/// A pattern under measurement: counts its calls by function, and what went wrong.
class Pattern {
public:
    Pattern(std::uint32_t number, std::string_view title, std::string_view loop, std::initializer_list<Addr> functions,
            std::uint32_t threads = 1) {
        result_.number = number;
        result_.title = title;
        result_.loop = loop;
        result_.threads = threads;
        for (const Addr va : functions) {
            result_.functions.push_back({game::find_site(va)->name, va, 0});
        }
    }

    /// Runs `round` a few times unmeasured, then `rounds` times. It returns what it called, by function.
    template <typename Round>
    PatternResult measure(std::uint32_t rounds, Round round) {
        for (std::uint32_t i = 0; i < rounds / 10 + 1; ++i) {
            round();
        }
        for (PatternFunction& function : result_.functions) {
            function.calls = 0;
        }
        const meter::KernelCalls before = meter::all_threads();
        const Stopwatch watch;
        for (std::uint32_t i = 0; i < rounds; ++i) {
            round();
        }
        const double elapsed = watch.nanoseconds();
        result_.kernel_calls = meter::all_threads() - before;
        for (const PatternFunction& function : result_.functions) {
            result_.calls += function.calls;
        }
        result_.ns_per_call = elapsed * result_.threads / static_cast<double>(result_.calls);
        return result_;
    }

    void called(std::size_t function, std::uint64_t times = 1) { result_.functions[function].calls += times; }
    void check(bool good, const char* what) {
        if (!good && result_.errors++ == 0) {
            result_.first_error = what;
        }
    }

private:
    PatternResult result_{};
};

std::uint32_t rounds_of(std::uint32_t rounds, std::uint32_t scale_percent) {
    return std::max<std::uint32_t>(1, rounds * scale_percent / 100);
}

// --- 1: media sample buffers
// -------------------------------------------------------------------------------------------

PatternResult media_samples(std::uint32_t rounds) {
    Pattern pattern(1, "media sample buffers", "commit 4 samples of 64 KB, touch every page, free",
                    {fn::kMediaAllocate.va, fn::kMediaReallyFree.va});
    game::MediaAllocator* allocator = standin::create_media_allocator();
    PatternResult result = pattern.measure(rounds, [&] {
        standin::set_media_properties(*allocator, {4, k64K, 16, 16});
        pattern.check(standin::commit_media(*allocator) == game::kHresultOk, "Alloc failed");
        pattern.check(allocator->buffer != 0, "no buffer");
        touch_pages(pointer(allocator->buffer), 4 * k64K);
        fn::kMediaReallyFree(allocator);
        pattern.called(0);
        pattern.called(1);
    });
    standin::destroy_media_allocator(allocator);
    return result;
}

// --- 2 and 3: scrap buffers
// --------------------------------------------------------------------------------------------

game::ScrapHeapManager* scrap_manager() {
    return game::at<game::ScrapHeapManager>(*game::at<game::Ptr32>(game::data::kScrapHeapManager));
}

PatternResult scrap_grow_shrink(std::uint32_t rounds) {
    Pattern pattern(2, "scrap buffer grow / shrink", "64 KB -> 128 -> 256 KB, touch each growth, back to 64 KB",
                    {fn::kGrowBuffer.va, fn::kShrinkBuffer.va});
    const Addr base = fn::kCreateBuffer(scrap_manager(), k64K);
    PatternResult result = pattern.measure(rounds, [&] {
        for (std::uint32_t committed = k64K; committed < 4 * k64K; committed *= 2) {
            fn::kGrowBuffer(scrap_manager(), base, committed, committed);
            pointer(base)[committed] = 1;
            pattern.called(0);
        }
        for (std::uint32_t committed = 4 * k64K; committed > k64K; committed /= 2) {
            fn::kShrinkBuffer(scrap_manager(), base, committed, committed / 2);
            pattern.called(1);
        }
    });
    fn::kFreeBuffer(scrap_manager(), base, k64K);
    return result;
}

PatternResult scrap_create_free(std::uint32_t rounds) {
    Pattern pattern(3, "scrap buffer create / free", "create 4 buffers, touch each, free them",
                    {fn::kCreateBuffer.va, fn::kFreeBuffer.va});
    return pattern.measure(rounds, [&] {
        std::array<Addr, 4> buffers{};
        for (Addr& buffer : buffers) {
            buffer = fn::kCreateBuffer(scrap_manager(), k64K);
            pattern.check(buffer != 0, "no buffer");
            *pointer(buffer) = 1;
        }
        for (const Addr buffer : buffers) {
            fn::kFreeBuffer(scrap_manager(), buffer, k64K);
        }
        pattern.called(0, buffers.size());
        pattern.called(1, buffers.size());
    });
}

// --- 4 and 5: pool memory
// ----------------------------------------------------------------------------------------------

/// A pool as its constructor leaves it before the arena is reserved.
game::MemoryPool bare_pool(std::uint32_t arena_bytes) {
    game::MemoryPool pool{};
    pool.block_size = 64;
    pool.arena_bytes = arena_bytes;
    pool.page_count = arena_bytes / game::kPoolPageSize;
    return pool;
}

PatternResult arena_reserve_release(std::uint32_t rounds) {
    Pattern pattern(4, "pool arena reserve / release", "reserve 4 MB at a multiple of 16 MB, release",
                    {fn::kReserveArena.va, fn::kReleaseArena.va});
    return pattern.measure(rounds, [&] {
        game::MemoryPool pool = bare_pool(4 * kMegabyte);
        fn::kReserveArena(&pool);
        pattern.check(pool.arena != 0 && pool.arena % game::kArenaAlignment == 0, "arena not at a multiple of 16 MB");
        fn::kReleaseArena(&pool);
        pattern.called(0);
        pattern.called(1);
    });
}

PatternResult page_commit_decommit(std::uint32_t rounds) {
    constexpr std::uint32_t kPages = 256;
    Pattern pattern(5, "pool page commit / decommit", "commit 256 pages one by one, touch each, decommit them",
                    {fn::kCommitPage.va, fn::kDecommitPage.va});
    game::MemoryPool pool = bare_pool(4 * kMegabyte);
    fn::kReserveArena(&pool);
    PatternResult result = pattern.measure(rounds, [&] {
        std::array<Addr, kPages> pages{};
        for (std::uint32_t i = 0; i < kPages; ++i) {
            const std::uint32_t done = fn::kCommitPage(&pool, i, &pages[i]);
            pattern.check(done != 0 && pages[i] == pool.arena + i * game::kPoolPageSize, "page not committed");
            *pointer(pages[i]) = 1;
        }
        for (const Addr page : pages) {
            fn::kDecommitPage(&pool, page);
        }
        pattern.called(0, kPages);
        pattern.called(1, kPages);
    });
    fn::kReleaseArena(&pool);
    return result;
}

// --- 6 to 8: heap backing
// ----------------------------------------------------------------------------------------------

constexpr std::uint32_t kHeapReserve = 64 * kMegabyte;
constexpr std::uint32_t kHeapCommit = 2 * kMegabyte;

/// A heap's fields as its initialiser leaves them, without backing and without a usable lock.
std::unique_ptr<game::MemoryHeap> bare_heap() {
    auto heap = std::make_unique<game::MemoryHeap>();
    heap->vtable = game::data::kMemoryHeapVtable;
    heap->alignment = 4;
    heap->minimum_split = 0x10;
    heap->granularity = game::kHeapStep;
    heap->reserve = kHeapReserve;
    heap->initial_commit = kHeapCommit;
    heap->committed = kHeapCommit;
    return heap;
}

PatternResult heap_reserve_release(std::uint32_t rounds) {
    Pattern pattern(6, "heap backing reserve / release", "reserve 64 MB, commit 2 MB, touch one page, release",
                    {fn::kReserveBacking.va, fn::kReleaseBacking.va});
    const auto heap = bare_heap();
    return pattern.measure(rounds, [&] {
        const Addr base = fn::kReserveBacking(heap.get(), kHeapReserve, kHeapCommit);
        pattern.check(base != 0, "no backing");
        *pointer(base) = 1;
        fn::kReleaseBacking(heap.get(), base);
        pattern.called(0);
        pattern.called(1);
    });
}

/// The end of the heap swings by 256 KB over the initial commit; the callers' rules decide when to call (B.6).
PatternResult heap_tail(std::uint32_t rounds) {
    constexpr std::uint32_t kBlock = 32 * 1024;
    constexpr std::uint32_t kBlocks = 8;
    Pattern pattern(7, "heap tail commit / decommit", "8 blocks of 32 KB past the initial commit and back, touch each",
                    {fn::kCommitTail.va, fn::kDecommitTail.va});
    const auto heap = bare_heap();
    const Addr base = fn::kReserveBacking(heap.get(), kHeapReserve, kHeapCommit);
    heap->base = base;
    heap->end = kHeapCommit;
    PatternResult result = pattern.measure(rounds, [&] {
        for (std::uint32_t i = 0; i < kBlocks; ++i) {
            if (heap->end + kBlock > heap->committed) {
                heap->committed += fn::kCommitTail(heap.get(), base, heap->committed, kBlock);
                pattern.called(0);
            }
            pattern.check(heap->end + kBlock <= heap->committed, "tail not committed");
            pointer(base)[heap->end] = 1;
            heap->end += kBlock;
        }
        for (std::uint32_t i = 0; i < kBlocks; ++i) {
            heap->end -= kBlock;
            const std::uint32_t floor = std::max(heap->end, heap->initial_commit);
            if (heap->committed - floor >= game::kHeapStep) {
                heap->committed -= fn::kDecommitTail(heap.get(), base, heap->committed, heap->committed - floor);
                pattern.called(1);
            }
        }
    });
    fn::kReleaseBacking(heap.get(), base);
    return result;
}

PatternResult heap_interior(std::uint32_t rounds) {
    Pattern pattern(8, "decommit inside a free block",
                    "a free block of 1 MB; committed again when it was dropped, one page touched",
                    {fn::kDecommitInterior.va});
    const auto heap = bare_heap();
    const Addr base = fn::kReserveBacking(heap.get(), kHeapReserve, kHeapCommit);
    auto* const block = game::at<game::HeapBlock>(base);
    PatternResult result = pattern.measure(rounds, [&] {
        block->previous = 0;
        block->size_and_flags = kMegabyte | game::HeapBlock::kFree;
        fn::kDecommitInterior(heap.get(), base);
        pattern.called(0);
        if ((block->size_and_flags & game::HeapBlock::kDecommitted) != 0) {
            // What the block's next allocation would do (B.6).
            pattern.check(VirtualAlloc(block, kMegabyte + game::kHeapHeaderSize, MEM_COMMIT, PAGE_READWRITE) != nullptr,
                          "not committed again");
        }
        pointer(base)[kMegabyte / 2] = 1;
    });
    fn::kReleaseBacking(heap.get(), base);
    return result;
}

// --- 9 and 10: blocks
// --------------------------------------------------------------------------------------------------

/// A window of live blocks; each step replaces one at random. Decided before the clock runs.
class Window {
public:
    struct Step {
        std::uint32_t slot;
        std::uint32_t size;
    };
    static constexpr std::uint32_t kSlots = 2000;
    static constexpr std::uint32_t kSteps = 60000;

    Window(std::uint64_t seed, std::uint32_t (*pick_size)(Random&)) : steps_(kSteps) {
        Random random(seed);
        for (Step& step : steps_) {
            step = {random.below(kSlots), pick_size(random)};
        }
    }

    /// Plays all steps; returns the number of blocks that had lost what was written into them.
    template <typename Allocate, typename Free>
    std::uint32_t play(Allocate allocate, Free free) {
        std::uint32_t bad = 0;
        for (const Step& step : steps_) {
            Slot& slot = slots_[step.slot];
            bad += drop(slot, free);
            slot.data = allocate(step.size);
            slot.size = step.size;
            bad += slot.data == nullptr ? 1 : 0;
            if (slot.data != nullptr) {
                touch(slot.data, step.size, step.slot);
            }
        }
        return bad;
    }

    template <typename Free>
    std::uint32_t clear(Free free) {
        std::uint32_t bad = 0;
        for (Slot& slot : slots_) {
            bad += drop(slot, free);
        }
        return bad;
    }

private:
    struct Slot {
        void* data = nullptr;
        std::uint32_t size = 0;
    };

    template <typename Free>
    std::uint32_t drop(Slot& slot, Free free) {
        if (slot.data == nullptr) {
            return 0;
        }
        const bool good = is_touched(slot.data, slot.size, static_cast<std::uint32_t>(&slot - slots_.data()));
        free(slot.data);
        slot.data = nullptr;
        return good ? 0 : 1;
    }

    std::vector<Step> steps_;
    std::array<Slot, kSlots> slots_{};
};

/// Sizes that no pool takes (B.2).
std::uint32_t heap_block_size(Random& random) {
    constexpr std::array<std::array<std::uint32_t, 2>, 8> kRanges{
        {{105, 112}, {129, 144}, {161, 176}, {289, 384}, {597, 1280}, {597, 1280}, {1281, 4096}, {4097, 24576}}};
    const auto& range = kRanges[random.below(kRanges.size())];
    return random.between(range[0], range[1]);
}

std::uint32_t small_block_size(Random& random) {
    return random.between(1, 0x3F8);
}

/// The Default heap through its vtable, as the front doors call it. When a plugin has left no heap to be built, the
/// front doors themselves: that is where such requests end then.
class BlockSource {
public:
    BlockSource() {
        const game::Ptr32 address = manager()->heap_by_context[game::kDefaultContext];
        if (address != 0) {
            heap_ = reinterpret_cast<game::MemoryHeap*>(pointer(address));
            const auto* vtable = reinterpret_cast<const Addr*>(pointer(heap_->vtable));
            allocate_ = vtable[kAllocateSlot];
            free_ = vtable[kFreeSlot];
        }
    }

    [[nodiscard]] bool has_heap() const { return heap_ != nullptr; }
    [[nodiscard]] void* allocate(std::uint32_t size) const {
        return has_heap() ? call_this<void*>(allocate_, heap_, size, std::uint32_t{0}) : fn::kAllocate(manager(), size);
    }
    void free(void* block) const {
        if (has_heap()) {
            call_this<void>(free_, heap_, block, std::uint32_t{0});
        } else {
            fn::kFree(manager(), block);
        }
    }

private:
    static constexpr std::size_t kAllocateSlot = 2;
    static constexpr std::size_t kFreeSlot = 3;
    game::MemoryHeap* heap_ = nullptr;
    Addr allocate_ = 0;
    Addr free_ = 0;
};

/// A thread that plays its window each time it is told to.
class WindowThread {
public:
    explicit WindowThread(std::uint64_t seed) : window_(seed, &heap_block_size) {
        thread_ = CreateThread(nullptr, 0, &main, this, 0, nullptr);
    }
    ~WindowThread() {
        tell(kQuit);
        WaitForSingleObject(thread_, INFINITE);
        CloseHandle(thread_);
    }
    WindowThread(const WindowThread&) = delete;
    WindowThread& operator=(const WindowThread&) = delete;

    void start() { tell(kPlay); }
    /// Waits; returns the number of bad blocks.
    std::uint32_t join() {
        AcquireSRWLockExclusive(&lock_);
        while (order_ != kIdle) {
            SleepConditionVariableSRW(&changed_, &lock_, INFINITE, 0);
        }
        ReleaseSRWLockExclusive(&lock_);
        return bad_;
    }

private:
    enum Order : std::uint8_t { kIdle, kPlay, kQuit };

    void tell(Order order) {
        AcquireSRWLockExclusive(&lock_);
        order_ = order;
        ReleaseSRWLockExclusive(&lock_);
        WakeAllConditionVariable(&changed_);
    }

    static DWORD WINAPI main(void* self) {
        static_cast<WindowThread*>(self)->serve();
        return 0;
    }

    void serve() {
        const BlockSource source;
        const auto free = [&](void* block) { source.free(block); };
        while (true) {
            AcquireSRWLockExclusive(&lock_);
            while (order_ == kIdle) {
                SleepConditionVariableSRW(&changed_, &lock_, INFINITE, 0);
            }
            const Order order = order_;
            ReleaseSRWLockExclusive(&lock_);
            if (order == kQuit) {
                bad_ = window_.clear(free);
                return;
            }
            bad_ = window_.play([&](std::uint32_t size) { return source.allocate(size); }, free);
            tell(kIdle);
        }
    }

    Window window_;
    SRWLOCK lock_ = SRWLOCK_INIT;
    CONDITION_VARIABLE changed_ = CONDITION_VARIABLE_INIT;
    Order order_ = kIdle;
    std::uint32_t bad_ = 0;
    HANDLE thread_ = nullptr;
};

PatternResult heap_blocks(std::uint32_t rounds, std::uint64_t seed, std::uint32_t threads) {
    const bool heap = BlockSource().has_heap();
    const Addr allocate = heap ? fn::kHeapAllocate.va : fn::kAllocate.va;
    const Addr free = heap ? fn::kHeapFree.va : fn::kFree.va;
    Pattern pattern(9, "heap block allocation",
                    heap ? "Default heap, a window of 2000 blocks of pool-less sizes, one replaced a step"
                         : "front doors (no heap is built), a window of 2000 blocks, one replaced a step",
                    {allocate, free}, threads);
    std::vector<std::unique_ptr<WindowThread>> crew;
    crew.reserve(threads);
    for (std::uint32_t i = 0; i < threads; ++i) {
        crew.push_back(std::make_unique<WindowThread>(seed + i));
    }
    return pattern.measure(rounds, [&] {
        for (const auto& member : crew) {
            member->start();
        }
        for (const auto& member : crew) {
            pattern.check(member->join() == 0, "block lost or changed");
        }
        pattern.called(0, std::uint64_t{Window::kSteps} * threads);
        pattern.called(1, std::uint64_t{Window::kSteps} * threads);
    });
}

/// Waves of small blocks, so that groups fill and empty.
PatternResult crt_small_blocks(std::uint32_t rounds, std::uint64_t seed) {
    constexpr std::uint32_t kSmallBlocksSelected = 3;
    Pattern pattern(10, "CRT small-block free",
                    "small-block heap selected: 2000 blocks of 1 to 1016 bytes made, then freed; malloc included",
                    {fn::kFreeSmallBlock.va});
    const std::uint32_t selector = *game::at<std::uint32_t>(game::data::kActiveHeap);
    *game::at<std::uint32_t>(game::data::kActiveHeap) = kSmallBlocksSelected;
    Random random(seed);
    std::array<std::uint32_t, Window::kSlots> sizes{};
    std::array<void*, Window::kSlots> blocks{};
    std::generate(sizes.begin(), sizes.end(), [&] { return small_block_size(random); });
    PatternResult result = pattern.measure(rounds, [&] {
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            blocks[i] = fn::kCrtMalloc(sizes[i]);
            pattern.check(blocks[i] != nullptr, "no block");
            touch(blocks[i], sizes[i], sizes[i]);
        }
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            pattern.check(is_touched(blocks[i], sizes[i], sizes[i]), "block changed");
            fn::kCrtFree(blocks[i]);
        }
        pattern.called(0, blocks.size());
    });
    *game::at<std::uint32_t>(game::data::kActiveHeap) = selector;
    return result;
}

}  // namespace

std::vector<PatternResult> run_patterns(std::uint64_t seed, std::uint32_t scale_percent) {
    const auto rounds = [scale_percent](std::uint32_t count) { return rounds_of(count, scale_percent); };
    return {
        media_samples(rounds(400)),
        scrap_grow_shrink(rounds(4000)),
        scrap_create_free(rounds(1500)),
        arena_reserve_release(rounds(1000)),
        page_commit_decommit(rounds(40)),
        heap_reserve_release(rounds(2000)),
        heap_tail(rounds(2000)),
        heap_interior(rounds(4000)),
        heap_blocks(rounds(6), seed, 1),
        heap_blocks(rounds(3), seed, 4),
        crt_small_blocks(rounds(60), seed),
    };
}

}  // namespace mp::app
