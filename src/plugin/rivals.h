// Other components that replace the same memory system. Two at once corrupt memory silently, so ours steps back before
// it changes anything, and says so when one appears later (docs/compatibility.md). Cold.
#pragma once

#include <cstddef>

namespace mp::plugin {

/// File name of a loaded module that is known to replace the game's heaps, or nullptr.
const char* loaded_rival() noexcept;

/// Claims this process for this copy of the plugin. False when another copy, whatever its file's name, claimed it
/// before: two copies would patch each other's patches, and write into each other's files. Claiming twice from the same
/// copy succeeds.
bool claim_process() noexcept;
/// Whether another copy came after this one claimed the process.
bool second_copy_came() noexcept;

}  // namespace mp::plugin
