// Switches the memory system on, once, at the first moment that offers itself.
#pragma once

#include <cstdint>

#include "plugin/settings.h"
#include "replace/install.h"

namespace mp::plugin {

enum class Moment : std::uint8_t {
    preload,  ///< before the game's CRT heap and static initialisers: nothing of the game is allocated yet
    load,     ///< everything of the game's start-up is alive and stays the original's
};

enum class ActivationState : std::uint8_t {
    not_tried,
    active,         ///< at least one group is replaced
    switched_off,   ///< sMode = off
    refused_image,  ///< not the program that the table describes
    refused_other,  ///< another heap replacer was found
    nothing_fits,   ///< every group was declined, or the transaction failed
};

struct Activation {
    ActivationState state = ActivationState::not_tried;
    Moment moment = Moment::load;
    Settings settings;            ///< those in use; main thread
    Settings in_file;             ///< what the file said when it was last put into effect; main thread
    const char* rival = nullptr;  ///< for refused_other: who was there first
    replace::InstallReport report;
};

/// Opens the log, reads the settings, checks the image, pins this module and installs. Later calls change nothing.
/// Allowed in Preload and in Load (loader lock held): waits for no thread. Never fails loudly; the log says what
/// happened.
const Activation& activate(Moment moment) noexcept;

/// Once the game's heaps stand: the allocator takes what they have reserved and will not use. Main thread, in Load.
void take_heap_memory() noexcept;

/// What came of it; `not_tried` before the first call of `activate`. Afterwards only the settings change.
const Activation& activation() noexcept;

/// Puts other settings in the place of those in use; what follows from the difference is the caller's. Main thread.
void use_settings(const Settings& settings) noexcept;

/// Notes what the file says, for whoever wants to know later whether it was changed. Main thread.
void note_settings_in_file(const Settings& settings) noexcept;

inline constexpr std::size_t kLongestSettingsPath = 1088;
/// Reads MemoryPoolNVSE.ini beside this module; `path` gets its path.
SettingsResult read_settings_beside_module(char (&path)[kLongestSettingsPath]) noexcept;

/// True while hooks of ours are in the game's code: the module must then stay loaded.
bool hooks_in_place() noexcept;

/// At the orderly end of the process: restores what can be restored and logs the session's figures.
void deactivate_at_process_end() noexcept;

}  // namespace mp::plugin
