// Runs that were freed a moment ago and stay whole for the next request of their length: an exchange of one word hands
// one over, without a lock, a search or a look at what runs are made of. Any thread may call any function.
#pragma once

#include "alloc/policy.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mp::alloc {

namespace detail {

inline constinit thread_local unsigned char t_somewhere = 0;

// Where of `count` places the calling thread looks first, so that threads which work on one length seldom meet.
inline std::size_t place_of_this_thread(std::size_t count) noexcept {
    const auto here = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&t_somewhere));
    return (here * 0x9E3779B1U >> 16) * count >> 16;
}

}  // namespace detail

/// For runs of 1 to `kLongest` units of `kUnit` bytes. A run is named by the number of its first unit, which is not 0.
/// Who has put one must not use it until `take` or `release_all` has handed it out again.
template <std::size_t kUnit, std::size_t kLongest>
class KeptRuns {
public:
    /// False when the run is too long, or enough of its length are kept already (policy.h).
    bool put(std::size_t first, std::size_t length) noexcept {
        return ask_each(length, [first](Slot& slot) noexcept {
            std::size_t none = 0;
            return slot.load(std::memory_order_relaxed) == 0 &&
                   slot.compare_exchange_strong(none, first, std::memory_order_release, std::memory_order_relaxed);
        });
    }

    /// A run of exactly this length, which is the caller's from now on; 0 when none is kept.
    std::size_t take(std::size_t length) noexcept {
        std::size_t first = 0;
        ask_each(length, [&first](Slot& slot) noexcept {
            first = take_from(slot);
            return first != 0;
        });
        return first;
    }

    /// The shortest run that is longer, which is the caller's from now on; 0 when none is kept.
    std::size_t take_longer(std::size_t length) noexcept {
        std::size_t first = 0;
        while (first == 0 && ++length <= kLongest) {
            first = take(length);
        }
        return first;
    }

    /// Hands every run, with its length, to `release`.
    template <typename Release>
    void release_all(Release release) noexcept {
        for (Shelf& shelf : shelves_) {
            for (std::size_t length = 1; length <= kLongest; ++length) {
                if (const std::size_t first = take_from(shelf[length - 1]); first != 0) {
                    release(first, length);
                }
            }
        }
    }

    /// Units in all of them.
    [[nodiscard]] std::size_t units() const noexcept {
        std::size_t sum = 0;
        for (const Shelf& shelf : shelves_) {
            for (std::size_t length = 1; length <= kLongest; ++length) {
                sum += shelf[length - 1].load(std::memory_order_relaxed) != 0 ? length : 0;
            }
        }
        return sum;
    }

private:
    using Slot = std::atomic<std::size_t>;     // a run's number, or 0
    using Shelf = std::array<Slot, kLongest>;  // by length; apart from the others in the cache

    static std::size_t take_from(Slot& slot) noexcept {
        return slot.load(std::memory_order_relaxed) != 0 ? slot.exchange(0, std::memory_order_acquire) : 0;
    }

    // How many of the shelves have a place for runs of this length.
    static constexpr std::size_t shelves_for(std::size_t length) noexcept {
        return std::clamp(policy::kKeptOfALength / (length * kUnit), policy::kLeastRuns, policy::kMostRuns);
    }

    // Asks the length's slot of each shelf, the thread's own first, until one says yes.
    template <typename Ask>
    bool ask_each(std::size_t length, Ask ask) noexcept {
        const std::size_t count = length - 1 < kLongest ? shelves_for(length) : 0;
        std::size_t place = detail::place_of_this_thread(count);
        for (std::size_t i = 0; i < count; ++i) {
            if (ask(shelves_[place][length - 1])) {
                return true;
            }
            place = place + 1 < count ? place + 1 : 0;
        }
        return false;
    }

    std::array<Shelf, policy::kMostRuns> shelves_{};
};

}  // namespace mp::alloc
