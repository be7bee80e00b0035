// Switches the memory system on, once, at the first moment that offers itself.
#pragma once

#include "plugin/settings.h"
#include "plugin/state.h"

namespace mp::plugin {

/// Opens the log, reads the settings, checks the image, pins this module and installs. Later calls change nothing.
/// Allowed in Preload and in Load (loader lock held): waits for no thread. Never fails loudly; the log says what
/// happened.
const Activation& activate(Moment moment) noexcept;

/// Once the game's heaps stand: the allocator takes what they have reserved and will not use. Main thread, in Load.
void take_heap_memory() noexcept;

inline constexpr std::size_t kLongestSettingsPath = 1088;
/// Reads MemoryPoolNVSE.ini: the one in the game's Data\NVSE\Plugins, where mod managers show the player's, else the
/// one beside this module, which some systems know in its mod's own folder. `path` gets its path.
SettingsResult read_settings_file(char (&path)[kLongestSettingsPath]) noexcept;

/// At the orderly end of the process: restores what can be restored and logs the session's figures.
void deactivate_at_process_end() noexcept;

}  // namespace mp::plugin
