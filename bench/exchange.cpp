#include "exchange.h"

#include "app/random.h"
#include "crew.h"
#include "side.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace mp::bench {
namespace {

constexpr std::uint32_t kLiveBytes = 32U << 20;  ///< of a thread, about
constexpr std::uint32_t kMostPlaces = 20000;
constexpr std::uint32_t kFewestPlaces = 200;
constexpr std::uint32_t kStepsAFrame = 4000;
constexpr std::uint32_t kPassedPerMille = 150;  ///< that the next thread frees

using Word = std::uint32_t;

/// What one thread has, and does in the frame that comes.
struct Share {
    struct Step {
        std::uint32_t place;
        std::uint32_t size;
        bool passes;
    };
    explicit Share(std::uint64_t seed) : random(seed) {}

    app::Random random;
    std::vector<void*> places;
    std::vector<void*> passed;    ///< for the next thread
    std::vector<void*> received;  ///< from the one before
    std::vector<Step> steps;
    Tally tally;
};

Word word_of(const void* block) {
    return static_cast<Word>(reinterpret_cast<std::uintptr_t>(block) * 0x9E3779B1U);
}

void* make(Share& share, std::uint32_t size) {
    void* const block = side_malloc(size);
    ++share.tally.operations;
    if (block == nullptr) {
        ++share.tally.failed;
    } else {
        const Word word = word_of(block);
        std::memcpy(block, &word, sizeof word);
    }
    return block;
}

void drop(Share& share, void* block) {
    if (block == nullptr) {
        return;
    }
    Word word = 0;
    std::memcpy(&word, block, sizeof word);
    share.tally.corrupt += word == word_of(block) ? 0 : 1;
    side_free(block);
    ++share.tally.operations;
}

void draw(Share& share, const ExchangeOptions& options) {
    share.steps.clear();
    for (std::uint32_t i = 0; i < kStepsAFrame; ++i) {
        share.steps.push_back({share.random.below(static_cast<std::uint32_t>(share.places.size())),
                               share.random.between(options.low, options.high),
                               options.threads > 1 && share.random.chance(kPassedPerMille)});
    }
    share.passed.reserve(kStepsAFrame);
}

void play(Share& share) {
    for (void* const block : std::exchange(share.received, {})) {
        drop(share, block);
    }
    for (const Share::Step& step : share.steps) {
        void*& place = share.places[step.place];
        if (step.passes) {
            share.passed.push_back(place);
        } else {
            drop(share, place);
        }
        place = make(share, step.size);
    }
}

void hand_over(std::vector<Share>& shares) {
    for (std::size_t i = 0; i < shares.size(); ++i) {
        shares[(i + 1) % shares.size()].received = std::exchange(shares[i].passed, {});
    }
}

void clear(Share& share) {
    for (std::vector<void*>* const blocks : {&share.received, &share.places}) {
        for (void* const block : std::exchange(*blocks, {})) {
            drop(share, block);
        }
    }
}

Tally sum_of(const std::vector<Share>& shares) {
    Tally sum;
    for (const Share& share : shares) {
        sum.add(share.tally);
    }
    return sum;
}

}  // namespace

Exchange measure_exchange(const ExchangeOptions& options) {
    Exchange result;
    if (side_start() == 0) {
        return result;
    }
    result.started = true;
    const std::uint32_t count = std::clamp(kLiveBytes / ((options.low + options.high) / 2), kFewestPlaces, kMostPlaces);
    std::vector<Share> shares;
    for (std::uint32_t thread = 0; thread < options.threads; ++thread) {
        shares.emplace_back(std::uint64_t{options.seed} * 64 + thread);
        shares.back().places.resize(count);
    }
    Crew crew(options.threads);
    crew.run([&](std::uint32_t thread) {
        side_thread_start();
        for (void*& place : shares[thread].places) {
            place = make(shares[thread], shares[thread].random.between(options.low, options.high));
        }
    });
    const std::uint64_t loaded = sum_of(shares).operations;
    std::uint64_t spent = 0;
    for (std::uint32_t frame = 0; frame < options.frames; ++frame) {
        spent += crew.run([&](std::uint32_t thread) { draw(shares[thread], options); },
                          [&](std::uint32_t thread) { play(shares[thread]); })
                     .all_ns;
        hand_over(shares);
    }
    result.operations = sum_of(shares).operations - loaded;
    result.ns = static_cast<double>(spent) / static_cast<double>(std::max<std::uint64_t>(1, result.operations));
    crew.run([&](std::uint32_t thread) { clear(shares[thread]); });
    result.end = sum_of(shares);
    return result;
}

}  // namespace mp::bench
