// Kernel calls of the replacements, counted (Count::kernel_calls). As their namesakes in os/os.h.
#pragma once

#include <cstddef>

namespace mp::replace::kernel {

void* reserve(std::size_t size) noexcept;
void* reserve_at(void* address, std::size_t size) noexcept;
void* reserve_commit(std::size_t size) noexcept;
bool commit(void* address, std::size_t size) noexcept;
bool decommit(void* address, std::size_t size) noexcept;
bool release(void* address, std::size_t size) noexcept;

}  // namespace mp::replace::kernel
