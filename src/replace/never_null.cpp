#include "replace/never_null.h"

#include "alloc/mp_alloc.h"
#include "replace/pressure.h"

namespace mp::replace {

namespace {

/// mp_aligned_alloc with another wish for the case of a refusal.
void* attempt(std::size_t alignment, std::size_t size, int when_refused) noexcept {
    const int before = mp_when_refused(when_refused);
    void* block = alignment <= MP_MIN_ALIGNMENT ? mp_malloc(size) : mp_aligned_alloc(alignment, size);
    mp_when_refused(before);
    return block;
}

void* run_protocol(std::size_t alignment, std::size_t size, int when_refused) noexcept {
    OutOfMemoryProtocol protocol(size, OutOfMemoryProtocol::Caches::given_back);
    while (true) {
        protocol.next_stage();
        void* block = attempt(alignment, size, protocol.is_worth_more() ? MP_ORDINARY : when_refused);
        if (block == nullptr && protocol.is_worth_more() && when_refused != MP_ONCE) {
            block = attempt(alignment, size, when_refused);
        }
        if (block != nullptr) {
            prepare_for_pressure();
            return block;
        }
    }
}

}  // namespace

void* allocate_or_run_protocol(std::size_t size) noexcept {
    if (size > kLargestServable) {
        return nullptr;
    }
    if (!OutOfMemoryProtocol::is_inside_stage()) {
        return run_protocol(MP_MIN_ALIGNMENT, size, MP_ONCE);
    }
    if (void* block = allocate_from_reserve(size); block != nullptr) {
        return block;
    }
    if (void* block = allocate_from_runtime(static_cast<std::uint32_t>(size)); block != nullptr) {
        return block;
    }
    return run_protocol(MP_MIN_ALIGNMENT, size, MP_RESERVE);
}

void* allocate_from_reserve(std::size_t size) noexcept {
    return attempt(MP_MIN_ALIGNMENT, size, MP_RESERVE);
}

void* allocate_from_reserve_or_run_protocol(std::size_t alignment, std::size_t size) noexcept {
    void* block = attempt(alignment, size, MP_RESERVE);
    return block != nullptr ? block : run_protocol(alignment, size, MP_RESERVE);
}

}  // namespace mp::replace
