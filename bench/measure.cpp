#include "measure.h"

#include "side.h"

#include <algorithm>
#include <bitset>

namespace mp::bench {
namespace {

constexpr std::uint32_t kIdleFrames = 5;

std::uint64_t above(std::uint64_t value, std::uint64_t base) {
    return value > base ? value - base : 0;
}

/// A set of pages of a 32-bit address space.
class Pages {
public:
    void add(const void* address, std::size_t size) {
        const auto first = reinterpret_cast<std::uintptr_t>(address);
        for (std::uintptr_t page = first / kPage; size != 0 && page <= (first + size - 1) / kPage; ++page) {
            bits_.set(page % kPages);
        }
    }
    [[nodiscard]] std::uint64_t bytes() const { return std::uint64_t{bits_.count()} * kPage; }

    static constexpr bool kIsExact = sizeof(void*) == 4;

private:
    static constexpr std::size_t kPage = 4096;
    static constexpr std::size_t kPages = std::size_t{1} << 20;
    std::bitset<kPages> bits_;
};

std::uint64_t pinned_bytes(const Play& play) {
    static Pages pages;
    play.each_live([](const Item& item) { pages.add(item.data, item.size); });
    return Pages::kIsExact ? pages.bytes() : 0;
}

class Measurement {
public:
    Measurement(Play& play, Crew& crew, const Space& base) : play_(play), crew_(crew), base_(base) {
        result_.frames.reserve(play.frames());
    }

    Result run() {
        result_.started = true;
        const std::uint64_t faults = page_faults();
        for (std::uint32_t frame = 0; frame < play_.frames(); ++frame) {
            run_frame(frame);
        }
        result_.page_faults = page_faults() - faults;
        result_.tally = play_.tally();
        result_.last = footprint();
        result_.peak_reserved = above(peak_reserved().value_or(base_.reserved + result_.peak.reserved), base_.reserved);
        result_.committed_over_live = ratios_ / static_cast<double>(play_.frames());
        wind_down();
        return std::move(result_);
    }

private:
    void run_frame(std::uint32_t frame) {
        const FrameTime time = crew_.run([&](std::uint32_t thread) { play_.prepare(thread, frame); },
                                         [&](std::uint32_t thread) { play_.work(thread, frame); });
        result_.cpu_ns += time.all_ns;
        if (frame == 0) {
            result_.load_ns = time.all_ns;
            result_.load_operations = play_.tally().operations;
        } else {
            result_.frames.push_back(time);
        }
        sample();
        play_.between();
    }

    Footprint footprint() {
        const Space now = space();
        return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, play_.tally().live_bytes)),
                {above(now.reserved, base_.reserved), above(now.committed, base_.committed),
                 above(now.resident, base_.resident)}};
    }

    void sample() {
        const Footprint now = footprint();
        result_.peak_live = std::max(result_.peak_live, now.live);
        result_.peak.reserved = std::max(result_.peak.reserved, now.space.reserved);
        result_.peak.committed = std::max(result_.peak.committed, now.space.committed);
        result_.peak.resident = std::max(result_.peak.resident, now.space.resident);
        ratios_ += static_cast<double>(now.space.committed) / static_cast<double>(std::max<std::uint64_t>(1, now.live));
    }

    void wind_down() {
        crew_.run([&](std::uint32_t thread) { play_.halve(thread); });
        for (std::uint32_t i = 0; i < kIdleFrames; ++i) {
            crew_.run([&](std::uint32_t thread) { play_.idle(thread); });
        }
        result_.halved = footprint();
        crew_.run([](std::uint32_t) { side_trim(); });
        result_.trimmed = footprint();
        result_.pinned = pinned_bytes(play_);
        crew_.run([&](std::uint32_t thread) { play_.clear(thread); });
        result_.end = play_.tally();
    }

    Play& play_;
    Crew& crew_;
    Space base_;
    Result result_;
    double ratios_ = 0;
};

}  // namespace

// The harness has all its memory and all its threads before the base is taken; threads meet the side after its start.
Result measure(Play& play, std::uint32_t threads, const Surroundings& surroundings) {
    Result failed;
    Crew crew(threads);
    crew.run([](std::uint32_t) {});
    if (surroundings.largest_hole != 0) {
        failed.shattered_free = shatter(surroundings.seed, surroundings.largest_hole, surroundings.holes);
    }
    const Space base = space();
    if (surroundings.limit != 0 && !limit_address_space(surroundings.limit)) {
        return failed;
    }
    if (side_start() == 0) {
        return failed;
    }
    crew.run([](std::uint32_t) { side_thread_start(); });
    Result result = Measurement(play, crew, base).run();
    result.shattered_free = failed.shattered_free;
    crew.run([](std::uint32_t) { side_thread_end(); });
    return result;
}

IdleThreads measure_idle_threads(std::uint32_t threads) {
    Crew crew(threads);
    crew.run([](std::uint32_t) {});
    if (side_start() == 0) {
        return {};
    }
    side_thread_start();
    side_free(side_malloc(64));
    const Space before = space();
    crew.run([](std::uint32_t thread) {
        if (thread != 0) {
            side_thread_start();
            side_free(side_malloc(64));
        }
    });
    const Space after = space();
    return {true, above(after.reserved, before.reserved) / (threads - 1),
            above(after.committed, before.committed) / (threads - 1)};
}

}  // namespace mp::bench
