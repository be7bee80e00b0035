// Who lives: counted from the live bits and the notes about granules, beside the threads that allocate.
#include "alloc/arena.h"
#include "alloc/core.h"
#include "alloc/live_bits.h"
#include "alloc/mp_alloc.h"
#include "alloc/page_blocks.h"

#include <bit>

namespace mp::alloc {
namespace {

static_assert(MP_CENSUS_SIZES == std::size_t{MP_CORE_LIMIT} / MP_CENSUS_STEP + 1);

/// Gives each word of live bits of a granule and the address that its first bit stands for to `take`.
template <typename Take>
void each_live_word(std::size_t granule, Take take) noexcept {
    constexpr std::size_t kPairs = kGranuleSize >> MP_LIVE_PAIR_SHIFT;
    constexpr std::size_t kGranulesPerRegion = (std::size_t{1} << MP_LIVE_REGION_SHIFT) / kGranuleSize;
    auto* const start = static_cast<unsigned char*>(address_of(granule));
    mp_live_pair** const place = mp_live_region(mp_address_value(start));
    mp_live_pair* const region = std::atomic_ref(*place).load(std::memory_order_acquire);
    if (region == nullptr) {
        return;
    }
    mp_live_pair* const first = region + granule % kGranulesPerRegion * kPairs;
    for (std::size_t i = 0; i < kPairs; ++i) {
        take(std::atomic_ref(first[i].live).load(std::memory_order_relaxed) &
                 ~std::atomic_ref(first[i].late).load(std::memory_order_relaxed),
             start + (i << MP_LIVE_PAIR_SHIFT));
    }
}

/// Gives the size of the blocks of a span, when the granule is one that has been set up, to `take`.
template <typename Take>
void look_into_small_blocks(std::size_t granule, Take take) noexcept {
    arena().look_into_span(granule, [take](std::uint32_t size) {
        if (size <= MP_CORE_LIMIT) {
            take(size);
        }
    });
}

void add_span(std::size_t granule, mp_census& census) noexcept {
    look_into_small_blocks(granule, [granule, &census](std::uint32_t size) {
        std::uint32_t live = 0;
        each_live_word(granule, [&live](std::uint32_t bits, unsigned char* /*start*/) {
            live += static_cast<std::uint32_t>(std::popcount(bits));
        });
        census.blocks[size / MP_CENSUS_STEP] += live;
        census.bytes += std::uint64_t{live} * size;
    });
}

// The blocks that start in a granule of pages.
void add_blocks_of_pages(std::size_t granule, mp_census& census) noexcept {
    const auto* page = static_cast<const unsigned char*>(address_of(granule));
    for (std::size_t i = 0; i < kPagesPerGranule; ++i, page += kPageSize) {
        if (const std::size_t pages = page_blocks().pages_at(page); pages != 0) {
            ++census.larger_blocks;
            census.bytes += std::uint64_t{pages} * kPageSize;
        }
    }
}

void add_granule(std::size_t granule, mp_census& census) noexcept {
    switch (kind_of(granule)) {
    case MP_GRANULE_SPAN:
        add_span(granule, census);
        break;
    case MP_GRANULE_LARGE_HEAD:
        ++census.larger_blocks;
        census.bytes += std::uint64_t{length_of(granule)} * kGranuleSize;
        break;
    case MP_GRANULE_PAGES:
        add_blocks_of_pages(granule, census);
        break;
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

extern "C" void mp_each_small_block(mp_block_fn* take, void* context) {
    mp::alloc::each_noted_granule([take, context](std::size_t granule) {
        if (mp::alloc::kind_of(granule) != MP_GRANULE_SPAN) {
            return;
        }
        mp::alloc::look_into_small_blocks(granule, [granule, take, context](std::uint32_t size) {
            mp::alloc::each_live_word(granule, [size, take, context](std::uint32_t bits, unsigned char* start) {
                for (; bits != 0; bits &= bits - 1) {
                    take(start + std::countr_zero(bits) * MP_LIVE_STEP, size, context);
                }
            });
        });
    });
}
