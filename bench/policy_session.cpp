// One long session on one thread, for bench/policy.py: a load, an hour of play with a change of the area each minute,
// and the half of it freed. Prints counts that are the same in every run; the clock of the ages is the program's own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <random>
#include <vector>

#include "alloc/mp_alloc.h"

namespace {

constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;
constexpr std::size_t kLoaded = 300;  // MB, what an area needs
constexpr unsigned kAreas = 60;       // a minute each
constexpr unsigned kFrames = 1800;    // of an area
constexpr unsigned kFrameMs = 33;
constexpr unsigned kPerFrame = 30;      // blocks
constexpr unsigned kLongestLife = 300;  // frames
constexpr std::uint32_t kKeepFreedMs = 10'000;

std::uint32_t g_now_ms = 1000;

struct Block {
    void* start;
    std::size_t size;
};

class Session {
public:
    void load() {
        while (live_ < kLoaded * kMegabyte) {
            world_.push_back(make(size()));
            if (random_() % 3 == 0) {  // what loading needs for a moment
                end(make(size() * 4));
            }
        }
    }
    void play() {
        for (unsigned frame = 0; frame < kFrames; ++frame) {
            for (unsigned i = 0; i < kPerFrame; ++i) {
                moments_[(frame + 1 + random_() % kLongestLife) % moments_.size()].push_back(make(size()));
            }
            std::vector<Block>& due = moments_[frame % moments_.size()];
            std::ranges::for_each(due, [this](const Block& block) { end(block); });
            due.clear();
            g_now_ms += kFrameMs;
            if (frame % 30 == 0) {
                mp_give_back(kKeepFreedMs);
            }
        }
    }
    /// Frees a share of the world, in per cent.
    void leave(unsigned share) {
        std::ranges::shuffle(world_, random_);
        for (std::size_t left = world_.size() * (100 - share) / 100; world_.size() > left; world_.pop_back()) {
            end(world_.back());
        }
    }
    [[nodiscard]] std::uint64_t live() const { return live_; }
    [[nodiscard]] std::uint64_t peak() const { return peak_; }

private:
    /// Nearly all small, few of many pages, one in five hundred a texture.
    std::size_t size() {
        const auto kind = random_() % 1000;
        const std::size_t most = kind < 900 ? 1024 : kind < 990 ? 32'000 : kind < 998 ? 500'000 : 6'000'000;
        return 1 + random_() % most;
    }
    Block make(std::size_t size) {
        live_ += size;
        peak_ = std::max(peak_, live_);
        return {mp_malloc(size), size};
    }
    void end(const Block& block) {
        live_ -= block.size;
        mp_free(block.start);
    }

    std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp): the same in every run
    std::vector<Block> world_;
    std::vector<std::vector<Block>> moments_{kLongestLife + 1};
    std::uint64_t live_ = 0;
    std::uint64_t peak_ = 0;
};

mp_alloc_stats stats_now() {
    mp_alloc_stats stats;
    mp_stats(&stats);
    return stats;
}

}  // namespace

int main() {
    mp_set_clock([] { return g_now_ms; });
    Session session;
    session.load();
    for (unsigned area = 0; area < kAreas; ++area) {
        session.play();
        session.leave(40);
        session.load();
    }
    const mp_alloc_stats full = stats_now();
    session.leave(50);
    session.play();
    const mp_alloc_stats half = stats_now();
    std::printf("%llu %.3f %.3f %.3f\n", static_cast<unsigned long long>(full.map_calls + full.unmap_calls),
                static_cast<double>(full.peak_committed_bytes) / static_cast<double>(session.peak()),
                static_cast<double>(full.peak_reserved_bytes) / static_cast<double>(session.peak()),
                static_cast<double>(half.committed_bytes) / static_cast<double>(session.live()));
}
