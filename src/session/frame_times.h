// How long the game's frames took, in steps of about an eighth: a histogram, since a mean hides what a player feels.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace mp::session {

struct FrameBound {
    std::uint32_t us;
    const char* column;
};

/// Upper bounds, and the columns of a session that count the frames up to them and above the one before: preferred
/// numbers (ISO 3), twenty a decade where games live. 50 ms is one of them.
inline constexpr auto kFrameBounds = std::to_array<FrameBound>({
    {2'000, "frames to 2 ms"},
    {2'500, "frames to 2.5 ms"},
    {3'150, "frames to 3.15 ms"},
    {4'000, "frames to 4 ms"},
    {4'500, "frames to 4.5 ms"},
    {5'000, "frames to 5 ms"},
    {5'600, "frames to 5.6 ms"},
    {6'300, "frames to 6.3 ms"},
    {7'100, "frames to 7.1 ms"},
    {8'000, "frames to 8 ms"},
    {9'000, "frames to 9 ms"},
    {10'000, "frames to 10 ms"},
    {11'200, "frames to 11.2 ms"},
    {12'500, "frames to 12.5 ms"},
    {14'000, "frames to 14 ms"},
    {16'000, "frames to 16 ms"},
    {18'000, "frames to 18 ms"},
    {20'000, "frames to 20 ms"},
    {22'400, "frames to 22.4 ms"},
    {25'000, "frames to 25 ms"},
    {28'000, "frames to 28 ms"},
    {31'500, "frames to 31.5 ms"},
    {35'500, "frames to 35.5 ms"},
    {40'000, "frames to 40 ms"},
    {45'000, "frames to 45 ms"},
    {50'000, "frames to 50 ms"},
    {63'000, "frames to 63 ms"},
    {80'000, "frames to 80 ms"},
    {100'000, "frames to 100 ms"},
    {125'000, "frames to 125 ms"},
    {160'000, "frames to 160 ms"},
    {200'000, "frames to 200 ms"},
    {250'000, "frames to 250 ms"},
    {400'000, "frames to 400 ms"},
    {630'000, "frames to 630 ms"},
    {1'000'000, "frames to 1000 ms"},
    {UINT32_MAX, "frames above 1000 ms"},
});

/// Written by one thread, with plain loads and stores; read by any.
class FrameTimes {
public:
    /// A longer time between two passes is no frame: the game was in the background, or stood still.
    static constexpr std::uint32_t kLongestFrameUs = 10'000'000;

    /// A pass of the main loop, at microseconds from anywhere; the time since the one before is a frame, or, when a
    /// loading screen was on since then, a part of that. What is longer than any frame is given back, in microseconds,
    /// and counts nowhere; otherwise 0.
    std::uint64_t pass(std::uint64_t now_us, bool loading) noexcept {
        const std::uint64_t before = std::exchange(last_us_, now_us);
        if (before == 0) {
            return 0;
        }
        const std::uint64_t since = now_us - before;
        if (loading) {
            loading_.add(since);
            return 0;
        }
        if (since > kLongestFrameUs) {
            return since;
        }
        const auto us = static_cast<std::uint32_t>(since);
        const auto* const bound = std::ranges::lower_bound(kFrameBounds, us, {}, &FrameBound::us);
        increase(counts_[static_cast<std::size_t>(bound - kFrameBounds.begin())], 1);
        time_.add(us);
        if (us > longest_us_.load(std::memory_order_relaxed)) {
            longest_us_.store(us, std::memory_order_relaxed);
        }
        return 0;
    }

    /// Calls `take(column, value)` for each column of a session: all frames, their time, that of loading screens, the
    /// longest frame so far, the histogram. Any thread.
    template <typename Take>
    void each(Take take) const noexcept {
        std::array<std::uint32_t, kFrameBounds.size()> counts{};
        std::uint32_t frames = 0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            frames += counts[i] = counts_[i].load(std::memory_order_relaxed);
        }
        take("frames", frames);
        take("frame ms", time_.milliseconds());
        take("loading ms", loading_.milliseconds());
        take("longest frame us", longest_us_.load(std::memory_order_relaxed));
        for (std::size_t i = 0; i < counts.size(); ++i) {
            take(kFrameBounds[i].column, counts[i]);
        }
    }

private:
    static void increase(std::atomic<std::uint32_t>& number, std::uint32_t by) noexcept {
        number.store(number.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    /// A sum of times that others see in milliseconds: 32 bits of them last for 49 days.
    class Sum {
    public:
        void add(std::uint64_t us) noexcept {
            rest_us_ += static_cast<std::uint32_t>(us % 1000);
            increase(milliseconds_, static_cast<std::uint32_t>(us / 1000) + rest_us_ / 1000);
            rest_us_ %= 1000;
        }
        [[nodiscard]] std::uint32_t milliseconds() const noexcept {
            return milliseconds_.load(std::memory_order_relaxed);
        }

    private:
        std::uint32_t rest_us_ = 0;
        std::atomic<std::uint32_t> milliseconds_{0};
    };

    std::uint64_t last_us_ = 0;
    std::array<std::atomic<std::uint32_t>, kFrameBounds.size()> counts_{};
    Sum time_;
    Sum loading_;
    std::atomic<std::uint32_t> longest_us_{0};
};

}  // namespace mp::session
