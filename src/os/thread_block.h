// A thread's static TLS block of another module, found the way the compiler finds it (Windows, 32-bit).
#pragma once

#include <cstdint>

namespace mp::os {

/// Block of the module with TLS index `index` for the calling thread; nullptr when the thread has none.
std::uint8_t* thread_block(std::uint32_t index) noexcept;

}  // namespace mp::os
