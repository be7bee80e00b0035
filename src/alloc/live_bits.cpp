#include "alloc/live_bits.h"

#include "alloc/arena.h"

#include <atomic>
#include <cstring>

using namespace mp::alloc;

static_assert((std::size_t{1} << (MP_LIVE_REGION_SHIFT - MP_LIVE_PAIR_SHIFT)) * sizeof(mp_live_pair) == kGranuleSize);

extern "C" {

int mp_live_ensure(const void* span) {
    const std::atomic_ref place(*mp_live_region(mp_address_value(span)));
    if (place.load(std::memory_order_acquire) != nullptr) {
        return 1;
    }
    const Arena::Grant grant = arena().allocate(1, kInternalRun);
    if (grant.address == nullptr) {
        return 0;
    }
    if (!grant.zeroed) {
        std::memset(grant.address, 0, kGranuleSize);
    }
    mp_live_pair* none = nullptr;
    if (!place.compare_exchange_strong(none, static_cast<mp_live_pair*>(grant.address), std::memory_order_acq_rel)) {
        arena().free(grant.address, 1);  // another thread was faster
    }
    return 1;
}

void mp_live_forget(void) {
#if UINTPTR_MAX == 0xFFFFFFFFu
    constexpr std::uintptr_t kTops = 1;
#else
    constexpr std::uintptr_t kTops = 1 << 16;
#endif
    constexpr std::uintptr_t kRegions = std::uintptr_t{1} << (32 - MP_LIVE_REGION_SHIFT);
    for (std::uintptr_t top = 0; top < kTops; ++top) {
        mp_live_pair** const regions = mp_live_region(top * kRegions << MP_LIVE_REGION_SHIFT);
        for (std::uintptr_t i = 0; regions != nullptr && i < kRegions; ++i) {
            if (regions[i] != nullptr) {
                std::memset(static_cast<void*>(regions[i]), 0, kGranuleSize);
            }
        }
    }
}
}
