// The page of charts from the session file. Allocates from the C runtime of this DLL, never from the game; throws
// nothing.
#pragma once

namespace mp::plugin {

/// Reads `session`, writes `page`. False when either fails, memory running out included.
bool write_page(const char* session, const char* page) noexcept;

}  // namespace mp::plugin
