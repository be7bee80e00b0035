// Shared by the allocator's tests.
#pragma once

#include "alloc/live_bits.h"
#include "alloc/mp_alloc.h"
#include "os/os.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace mp::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// Where a system call, or everything, takes many times longer.
#ifdef _WIN32
inline constexpr bool kSlow = true;
#else
inline constexpr bool kSlow = kSanitized;
#endif

/// Operations of a long random run: `usual`, or what MP_RANDOM_OPERATIONS asks for (10^8 before a release).
inline std::uint64_t random_operations(std::uint64_t usual) {
    const char* const wanted = std::getenv("MP_RANDOM_OPERATIONS");
    return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// Repeatable numbers; small and quick, of no other quality.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed * 0x9E3779B97F4A7C15u + 1) {}

    std::uint64_t next() noexcept {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }
    std::size_t below(std::size_t limit) noexcept { return static_cast<std::size_t>(next() % limit); }

    /// Sizes as a game asks for them: nearly all small, few of many pages.
    std::size_t block_size() noexcept {
        const std::size_t kind = below(1000);
        if (kind < 900) {
            return below(1025);
        }
        if (kind < 990) {
            return below(33000);
        }
        return below(600000);
    }

private:
    std::uint64_t state_;
};

/// A block that knows what its bytes must be: both ends in full, one byte per 1000 between.
struct Filled {
    unsigned char* bytes = nullptr;
    std::size_t size = 0;
    std::uint32_t seed = 0;

    void fill() const {
        each([this](std::size_t at) {
            bytes[at] = expected(at);
            return true;
        });
    }
    /// Whether the first `limit` bytes are as filled.
    [[nodiscard]] bool intact(std::size_t limit) const {
        return each([this, limit](std::size_t at) { return at >= limit || bytes[at] == expected(at); });
    }
    [[nodiscard]] bool intact() const { return intact(size); }

private:
    static constexpr std::size_t kEnd = 64;

    [[nodiscard]] unsigned char expected(std::size_t at) const noexcept {
        const std::uint32_t mixed = (static_cast<std::uint32_t>(at) + seed) * 0x9E3779B1u;
        return static_cast<unsigned char>(mixed >> 24);
    }
    template <typename Visit>
    bool each(Visit visit) const {
        const std::size_t tail = size > 2 * kEnd ? size - kEnd : size;
        const std::size_t head = size > 2 * kEnd ? kEnd : size;
        bool good = true;
        for (std::size_t at = 0; good && at < head; ++at) {
            good = visit(at);
        }
        for (std::size_t at = 1000; good && at < tail; at += 1000) {
            good = visit(at);
        }
        for (std::size_t at = tail; good && at < size; ++at) {
            good = visit(at);
        }
        return good;
    }
};

/// Fails the calls of one kind: from the `first`-th on, `count` of them. Counts what it sees.
class FaultPlan {
public:
    FaultPlan(os::Call call, std::uint32_t first, std::uint32_t count) noexcept
        : call_(call), first_(first), count_(count) {
        os::set_fault_hook(&FaultPlan::decide, this);
    }
    ~FaultPlan() { os::set_fault_hook(nullptr, nullptr); }
    FaultPlan(const FaultPlan&) = delete;
    FaultPlan& operator=(const FaultPlan&) = delete;

    [[nodiscard]] std::uint32_t seen() const noexcept { return seen_.load(); }
    [[nodiscard]] std::uint32_t failed() const noexcept { return failed_.load(); }

private:
    static bool decide(os::Call call, void* context) {
        auto* const plan = static_cast<FaultPlan*>(context);
        if (call != plan->call_) {
            return false;
        }
        const std::uint32_t number = ++plan->seen_;
        const bool fails = number >= plan->first_ && number - plan->first_ < plan->count_;
        plan->failed_ += fails ? 1 : 0;
        return fails;
    }

    os::Call call_;
    std::uint32_t first_;
    std::uint32_t count_;
    std::atomic<std::uint32_t> seen_{0};
    std::atomic<std::uint32_t> failed_{0};
};

inline mp_alloc_stats stats_now() noexcept {
    mp_alloc_stats stats;
    mp_stats(&stats);
    return stats;
}

/// What stays committed when no block is left, in bytes: the live bits of every region that has held a span since the
/// process began, wherever the system put it, and at most a megabyte of heaps.
inline std::uint64_t committed_without_blocks() noexcept {
    std::uint64_t regions = 0;
    each_live_region([&regions](const mp_live_pair*) { ++regions; });
    return (std::uint64_t{1} << 20) + regions * (std::uint64_t{1} << MP_GRANULE_SHIFT);
}

}  // namespace mp::test
