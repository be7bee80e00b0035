#include "replace/kernel_calls.h"

#include "os/os.h"
#include "replace/counters.h"

namespace mp::replace::kernel {

void* reserve(std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::reserve(size);
}

void* reserve_at(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::reserve_at(address, size);
}

void* reserve_commit(std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::reserve_commit(size);
}

bool commit(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::commit(address, size);
}

bool decommit(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::decommit(address, size);
}

bool release(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::release(address, size);
}

}  // namespace mp::replace::kernel
