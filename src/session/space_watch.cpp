#include "session/space_watch.h"

#include <algorithm>
#include <cstdio>

namespace mp::session {

namespace {

constexpr std::uint64_t kMinuteMs = 60'000;
constexpr std::uint64_t kBetweenMs = 10'000;
/// What has fallen for less, or by less, may be one cell.
constexpr std::uint64_t kLeastMs = 3 * kMinuteMs;
constexpr std::int64_t kLeastKb = 32 << 10;
constexpr std::uint64_t kNearMinutes = 10;
constexpr std::uint64_t kNever = UINT64_MAX;

struct Words {
    const char* state;
    const char* advice;
};
constexpr Words kWords[] = {{"becomes scarce", "save now and then"},
                            {"is scarce", "save, and restart the game soon"},
                            {"is about to run out", "save and restart the game now"}};
static_assert(std::size(kWords) == kHoleLevelsKb.size());

}  // namespace

bool SpaceWatch::is_new_level(std::int64_t hole_kb) noexcept {
    const auto below = static_cast<std::size_t>(
        std::ranges::count_if(kHoleLevelsKb, [hole_kb](std::int64_t level) { return hole_kb < level; }));
    const bool is_new = below > levels_;
    levels_ = std::max(levels_, below);
    return is_new;
}

void SpaceWatch::remember(std::uint64_t ms, std::int64_t hole_kb) noexcept {
    if (count_ == 0 || ms - seen_[(count_ - 1) % kSeen].ms >= kBetweenMs) {
        seen_[count_++ % kSeen] = {.ms = ms, .hole_kb = hole_kb};
    }
}

/// Until the hole is scarce, at the rate of what is remembered; kNever when it does not fall for long enough.
std::uint64_t SpaceWatch::minutes_left(std::uint64_t ms, std::int64_t hole_kb) const noexcept {
    const Seen& oldest = seen_[count_ < kSeen ? 0 : count_ % kSeen];
    const std::int64_t fallen = oldest.hole_kb - hole_kb;
    if (ms - oldest.ms < kLeastMs || fallen < kLeastKb) {
        return kNever;
    }
    // In both halves: one step goes nowhere.
    const Seen& middle = seen_[(count_ < kSeen ? count_ / 2 : count_ + kSeen / 2) % kSeen];
    if (std::min(oldest.hole_kb - middle.hole_kb, middle.hole_kb - hole_kb) < fallen / 4) {
        return kNever;
    }
    const auto left_ms =
        static_cast<std::uint64_t>(hole_kb - kScarceHoleKb) * (ms - oldest.ms) / static_cast<std::uint64_t>(fallen);
    return left_ms / kMinuteMs + 1;
}

bool SpaceWatch::look(std::uint64_t ms, std::int64_t hole_kb, std::span<char> text) noexcept {
    const bool is_new = is_new_level(hole_kb);
    remember(ms, hole_kb);
    if (is_new) {
        const Words& words = kWords[levels_ - 1];
        std::snprintf(text.data(), text.size(), "address space %s: the largest hole is %u MB; %s", words.state,
                      static_cast<unsigned>(hole_kb >> 10), words.advice);
        return true;
    }
    if (hole_kb < kScarceHoleKb || ms < silent_until_ms_) {
        return false;
    }
    const std::uint64_t minutes = minutes_left(ms, hole_kb);
    if (minutes > kNearMinutes) {
        return false;
    }
    silent_until_ms_ = ms + kNearMinutes * kMinuteMs;
    std::snprintf(text.data(), text.size(), "at this rate the largest hole, %u MB, falls below %u MB in about %u %s",
                  static_cast<unsigned>(hole_kb >> 10), static_cast<unsigned>(kScarceHoleKb >> 10),
                  static_cast<unsigned>(minutes), minutes == 1 ? "minute" : "minutes");
    return true;
}

}  // namespace mp::session
