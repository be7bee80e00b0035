// Reads and writes of the running exe's image.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::host {

/// Start of the exe's image and the bytes it covers.
std::uintptr_t image_base();
std::size_t image_size();
/// True when [address, address + size) lies in the exe's image.
bool in_image(std::uintptr_t address, std::size_t size);

/// Writes over code or read-only data, restores the protection and flushes the instruction cache. False when the
/// protection cannot be changed; nothing is written then.
bool write_protected(std::uintptr_t address, const void* data, std::size_t size);

}  // namespace mp::host
