// Little address space: a session of changing sizes under a limit, in a space of small holes, and what is kept back
// then. 32 bits on Linux only; each session runs in a process of its own.
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace mp;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

// --- a session -------------------------------------------------------------------------------------------------------

// Counts live bytes and hands out nothing.
struct DryMemory {
    static void* allocate(std::size_t size) { return reinterpret_cast<void*>(size); }
    static void free(void* /*block*/) {}
};

struct RealMemory {
    static void* allocate(std::size_t size) {
        auto* const block = static_cast<unsigned char*>(mp_malloc(size));
        for (std::size_t at = 0; block != nullptr && at < size; at += os::kPage) {
            block[at] = 1;
        }
        return block;
    }
    static void free(void* block) { mp_free(block); }
};

struct Piece {
    void* block = nullptr;
    std::size_t size = 0;
};

// Permanent blocks, of which some are replaced every frame; cells that are freed whole, 25 frames later; ten phases,
// each with a mix of its own.
template <typename Memory>
class Session {
public:
    // Takes all memory for its own lists at once.
    explicit Session(std::uint64_t seed) : random_(seed), permanent_(kPermanent) {
        for (auto& cell : cells_) {
            cell.reserve(kCellBlocks + kMaxLarge);
        }
    }

    void run() noexcept {
        for (Piece& piece : permanent_) {
            piece = make(0);
        }
        for (std::size_t frame = 0; frame < kFrames; ++frame) {
            play(cells_[frame % kCellFrames], frame * 10 / kFrames);
        }
    }
    [[nodiscard]] std::size_t peak() const { return peak_; }
    [[nodiscard]] std::size_t failures() const { return failures_; }

private:
    static constexpr std::size_t kPermanent = 250000;
    static constexpr std::size_t kFrames = 150;
    static constexpr std::size_t kCellBlocks = 3000;
    static constexpr std::size_t kMaxLarge = 8;
    static constexpr std::size_t kCellFrames = 25;

    void play(std::vector<Piece>& cell, std::size_t phase) {
        for (const Piece& piece : cell) {
            release(piece);
        }
        cell.clear();
        for (std::size_t i = 0; i < kCellBlocks; ++i) {
            cell.push_back(make(phase));
        }
        // Up to 4 MB each; more of them in some phases than in others.
        for (std::size_t large = random_.below(2 + phase % 4); large != 0; --large) {
            cell.push_back(allocate((kMegabyte / 4) << random_.below(5)));
        }
        for (std::size_t i = 0; i < kPermanent / 200; ++i) {
            Piece& piece = permanent_[random_.below(kPermanent)];
            release(piece);
            piece = make(phase);
        }
    }
    Piece make(std::size_t phase) {
        const std::size_t kind = random_.below(1000);
        if (kind < 970 - phase % 3 * 10) {
            return allocate(4 + random_.below(60 + (phase * 97) % 400));
        }
        return allocate(kind < 997 ? 1024 + random_.below(12000) : 8192 + random_.below(200000));
    }
    Piece allocate(std::size_t size) {
        const Piece piece{Memory::allocate(size), size};
        failures_ += piece.block == nullptr ? 1 : 0;
        live_ += size;
        peak_ = std::max(peak_, live_);
        return piece;
    }
    void release(const Piece& piece) {
        Memory::free(piece.block);
        live_ -= piece.size;
    }

    test::Random random_;
    std::vector<Piece> permanent_;
    std::array<std::vector<Piece>, kCellFrames> cells_;
    std::size_t live_ = 0;
    std::size_t peak_ = 0;
    std::size_t failures_ = 0;
};

std::size_t peak_of(std::uint64_t seed) {
    Session<DryMemory> session(seed);
    session.run();
    return session.peak();
}

std::size_t mapped_now() {
    std::size_t pages = 0;
    FILE* const file = std::fopen("/proc/self/statm", "r");
    EXPECT_EQ(std::fscanf(file, "%zu", &pages), 1);
    std::fclose(file);
    return pages * os::kPage;
}

// Exit code of a child that has its address space prepared and plays: 0 = nothing was refused.
template <typename Prepare>
int play_in_child(std::uint64_t seed, Prepare prepare) noexcept {
    const pid_t child = fork();
    if (child == 0) {
        Session<RealMemory> session(seed);
        if (!prepare()) {
            _exit(2);
        }
        session.run();
        _exit(session.failures() == 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

bool limit_address_space(std::size_t bytes) {
    const std::size_t wanted = mapped_now() + bytes;
    const rlimit limit{.rlim_cur = wanted, .rlim_max = wanted};
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

TEST(AddressSpaceLimit, OfLiveAndThreeTenthsRefusesNothing) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const std::size_t peak = peak_of(seed);
        EXPECT_EQ(play_in_child(seed, [peak] { return limit_address_space(peak / 10 * 13); }), 0)
            << "seed " << seed << ", peak " << peak;
    }
}

// Else the test above proves nothing.
TEST(AddressSpaceLimit, BelowLiveIsFelt) {
    const std::size_t peak = peak_of(1);
    EXPECT_EQ(play_in_child(1, [peak] { return limit_address_space(peak / 10 * 9); }), 1);
}

// Takes all address space, then opens holes of just under 8 MB.
bool shatter(std::size_t bytes) {
    constexpr std::size_t kHole = 8 * kMegabyte - os::kGranule;
    static std::vector<char*> taken;
    taken.reserve(512);
    while (void* const part = os::reserve(2 * kHole)) {
        taken.push_back(static_cast<char*>(part));
    }
    for (std::size_t size = kHole; size >= os::kGranule; size /= 2) {
        while (os::reserve(size) != nullptr) {}
    }
    std::size_t open = 0;
    for (std::size_t i = 0; i < taken.size() && open < bytes; ++i, open += kHole) {
        if (!os::release(taken[i], 2 * kHole) || os::reserve_at(taken[i] + kHole, kHole) == nullptr) {
            return false;
        }
    }
    os::AddressSpace space;
    return open >= bytes && os::measure_address_space(&space) && space.largest <= 8 * kMegabyte;
}

TEST(ShatteredSpace, OfHolesBelowEightMegabytesRefusesNothing) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const std::size_t peak = peak_of(seed);
        EXPECT_EQ(play_in_child(seed, [peak] { return shatter(peak / 2 * 3); }), 0) << "seed " << seed;
    }
}

// --- what is kept back -----------------------------------------------------------------------------------------------

std::size_t retained_after_a_burst() {
    std::vector<void*> blocks;
    std::vector<void*> kept;
    for (int i = 0; i < 400; ++i) {
        void* const block = mp_malloc(kMegabyte);
        (i < 280 ? kept : blocks).push_back(block);
    }
    for (void* const block : blocks) {
        mp_free(block);
    }
    mp_give_back(0);
    const auto retained = static_cast<std::size_t>(test::stats_now().free_bytes);
    for (void* const block : kept) {
        mp_free(block);
    }
    mp_trim(0);
    return retained;
}

TEST(Retention, FollowsTheFreeAddressSpace) {
    if (os::page_map_overstates()) {
        GTEST_SKIP() << "this system does not tell what is free; the allocator goes by refusals instead";
    }
    mp_trim(0);
    const std::size_t ample = retained_after_a_burst();
    EXPECT_GT(ample, 64 * kMegabyte);
    std::vector<std::pair<void*, std::size_t>> foreign;
    os::AddressSpace space;
    ASSERT_TRUE(os::measure_address_space(&space));
    for (std::size_t size = 1024 * kMegabyte; size >= 16 * kMegabyte; size /= 2) {
        while (space.free > size + 560 * kMegabyte) {
            void* const part = os::reserve(size);
            if (part == nullptr) {
                break;
            }
            foreign.emplace_back(part, size);
            ASSERT_TRUE(os::measure_address_space(&space));
        }
    }
    mp_trim(0);
    const std::size_t scarce = retained_after_a_burst();
    EXPECT_LT(scarce, 32 * kMegabyte);
    for (const auto& [part, size] : foreign) {
        ASSERT_TRUE(os::release(part, size));
    }
    mp_trim(0);
    EXPECT_GT(retained_after_a_burst(), 64 * kMegabyte);
}

}  // namespace
