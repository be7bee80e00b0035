// Scrap heaps of full mode.
#pragma once

namespace mp::replace {

/// Gives the calling thread's own scrap heap back; call when a thread ends.
void release_thread_scrap_heap() noexcept;

}  // namespace mp::replace
