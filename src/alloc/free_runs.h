// The free runs of granules in order of (length, address): best fit, low addresses first, in logarithmic time. A treap
// whose nodes are the notes of each run's first granule. Not thread-safe; needs no memory of its own.
#pragma once

#include "alloc/granules.h"

namespace mp::alloc {

class FreeRuns {
public:
    void insert(std::size_t first, std::size_t length) noexcept;
    /// The run must be in the set.
    void erase(std::size_t first) noexcept;
    /// First granule of the shortest run of at least `length`, the lowest one of equals; 0 when none is long enough.
    [[nodiscard]] std::size_t best_fit(std::size_t length) const noexcept;
    /// The longest run, the highest one of equals; 0 when empty.
    [[nodiscard]] std::size_t longest() const noexcept;
    /// The next one below in the order; 0 at the end.
    [[nodiscard]] std::size_t below(std::size_t first) const noexcept;

private:
    Granule root_ = 0;
};

}  // namespace mp::alloc
