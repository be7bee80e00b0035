#include "replace/never_null.h"

#include "alloc/mp_alloc.h"
#include "replace/pressure.h"

namespace mp::replace {

void* allocate_after_refusal(std::size_t size) noexcept {
    note_refusal();
    give_caches_back();
    return mp_malloc(size);
}

void* allocate_or_run_protocol(std::size_t size) noexcept {
    if (size > kLargestServable) {
        return nullptr;
    }
    OutOfMemoryProtocol protocol;
    while (true) {
        protocol.next_stage();
        if (void* block = mp_malloc(size); block != nullptr) {
            return block;
        }
    }
}

}  // namespace mp::replace
