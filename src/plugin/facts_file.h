// The facts text of the running game (patch/facts.h), MemoryPoolNVSE-facts.txt beside the log. Steam's copy of the game
// is encrypted on disk, so that only the running game can tell.
#pragma once

#include "plugin/tell.h"

namespace mp::plugin {

/// Writes the file anew and tells where it is, or why there is none. Our own hooks are looked through. Cold: some
/// milliseconds; the main thread only.
bool write_facts_file(Tell tell) noexcept;

}  // namespace mp::plugin
