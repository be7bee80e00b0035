// Granules in order of (length, address): best fit, low addresses first, in logarithmic time. A treap whose nodes are
// the granules' notes. Not thread-safe; needs no memory of its own.
#pragma once

#include "alloc/granules.h"

namespace mp::alloc {

class LengthTree {
public:
    /// Notes `length` in the granule; the unit is the caller's.
    void insert(std::size_t granule, std::size_t length) noexcept;
    /// The granule must be in the tree.
    void erase(std::size_t granule) noexcept;
    /// The granule of the least length that is at least `length`, the lowest one of equals; 0 when none is long enough.
    [[nodiscard]] std::size_t best_fit(std::size_t length) const noexcept;
    /// The granule of the greatest length, the highest one of equals; 0 when empty.
    [[nodiscard]] std::size_t longest() const noexcept;
    /// The next one below in the order; 0 at the end.
    [[nodiscard]] std::size_t below(std::size_t granule) const noexcept;

private:
    Granule root_ = 0;
};

/// The arena's free runs, by their first granule.
class FreeRuns : public LengthTree {
public:
    /// Notes the length in the run's last granule too.
    void insert(std::size_t first, std::size_t length) noexcept {
        LengthTree::insert(first, length);
        set_length(first + length - 1, length);
    }
};

}  // namespace mp::alloc
