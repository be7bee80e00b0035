// Who lives: counted from the live bits and the notes about granules, beside the threads that allocate.
#include "alloc/arena.h"
#include "alloc/core.h"
#include "alloc/live_bits.h"
#include "alloc/mp_alloc.h"

#include <bit>

namespace mp::alloc {
namespace {

static_assert(MP_CENSUS_SIZES == std::size_t{MP_CORE_LIMIT} / MP_CENSUS_STEP + 1);

std::uint32_t live_blocks_in(std::size_t granule) noexcept {
    constexpr std::size_t kPairs = kGranuleSize >> MP_LIVE_PAIR_SHIFT;
    constexpr std::size_t kGranulesPerRegion = (std::size_t{1} << MP_LIVE_REGION_SHIFT) / kGranuleSize;
    mp_live_pair** const place = mp_live_region(mp_address_value(address_of(granule)));
    mp_live_pair* const region = std::atomic_ref(*place).load(std::memory_order_acquire);
    if (region == nullptr) {
        return 0;
    }
    int live = 0;
    mp_live_pair* const first = region + granule % kGranulesPerRegion * kPairs;
    for (std::size_t i = 0; i < kPairs; ++i) {
        live += std::popcount(std::atomic_ref(first[i].live).load(std::memory_order_relaxed) &
                              ~std::atomic_ref(first[i].late).load(std::memory_order_relaxed));
    }
    return static_cast<std::uint32_t>(live);
}

void add_span(std::size_t granule, mp_census& census) noexcept {
    const std::uint32_t size = arena().span_block_size(granule);
    if (size == 0 || size > MP_CORE_LIMIT) {
        return;  // given back, or not set up yet
    }
    const std::uint32_t live = live_blocks_in(granule);
    census.blocks[size / MP_CENSUS_STEP] += live;
    census.bytes += std::uint64_t{live} * size;
}

void add_granule(std::size_t granule, mp_census& census) noexcept {
    switch (kind_of(granule)) {
    case MP_GRANULE_SPAN:
        add_span(granule, census);
        break;
    case MP_GRANULE_LARGE_HEAD:
        ++census.larger_blocks;
        [[fallthrough]];
    case MP_GRANULE_LARGE_INSIDE:
        census.bytes += kGranuleSize;
        break;
    case MP_GRANULE_PAGES: {
        const std::uint32_t pages = pages_of(granule);
        census.larger_blocks += static_cast<std::uint32_t>(std::popcount(pages >> kPagesPerGranule));
        census.bytes += static_cast<std::uint64_t>(std::popcount(pages & ((1U << kPagesPerGranule) - 1))) * os::kPage;
        break;
    }
    default:
        break;
    }
}

}  // namespace
}  // namespace mp::alloc

extern "C" void mp_take_census(mp_census* out) {
    *out = {};
    mp::alloc::each_noted_granule([out](std::size_t granule) { mp::alloc::add_granule(granule, *out); });
}
