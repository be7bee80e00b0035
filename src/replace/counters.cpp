#include "replace/counters.h"

namespace mp::replace {

namespace {

/// Every thread's state, those of threads that ended included.
template <typename Visit>
void each_state(Visit visit) noexcept {
    visit(detail::shared_state());
    for (const ThreadState* state = detail::first_state(); state != nullptr; state = state->next) {
        visit(*state);
    }
}

}  // namespace

std::uint64_t total(Count kind) noexcept {
    std::uint64_t sum = 0;
    each_state([&](const ThreadState& state) { sum += state.counts[static_cast<std::size_t>(kind)].read(); });
    return sum;
}

std::uint64_t total_samples(SplitCount Samples::* what) noexcept {
    std::uint64_t sum = 0;
    each_state([&](const ThreadState& state) { sum += (state.samples.*what).read(); });
    return sum;
}

std::array<std::uint64_t, kSizeBounds.size()> size_histogram() noexcept {
    std::array<std::uint64_t, kSizeBounds.size()> sums{};
    each_state([&](const ThreadState& state) {
        for (std::size_t i = 0; i < sums.size(); ++i) {
            sums[i] += state.samples.sizes[i].read();
        }
    });
    return sums;
}

}  // namespace mp::replace
