// Scrap heap buffers (patterns 2 and 3).
#pragma once

namespace mp::replace {

/// Releases the buffers kept for reuse. Cold, any thread.
void release_idle_scrap_buffers() noexcept;

}  // namespace mp::replace
