// What came of the activation, and the settings in use.
#pragma once

#include <cstddef>
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

inline constexpr std::size_t kLongestSettingsFault = 192;

struct Activation {
    ActivationState state = ActivationState::not_tried;
    Moment moment = Moment::load;
    Settings settings;  ///< those in use; main thread
    Settings in_file;   ///< what the file said when it was last put into effect; main thread
    char settings_fault[kLongestSettingsFault] = {};  ///< what was wrong with the file at the start; "" = nothing
    const char* rival = nullptr;                      ///< for refused_other: who was there first
    replace::InstallReport report;
};

/// `not_tried` before the activation. Afterwards only the settings change. Any thread, but for the settings.
const Activation& activation() noexcept;

/// To write to: for the activation alone.
Activation& activation_under_way() noexcept;

/// Puts other settings in the place of those in use; what follows from the difference is the caller's. Main thread.
void use_settings(const Settings& settings) noexcept;

/// Notes what the file says, for whoever wants to know later whether it was changed. Main thread.
void note_settings_in_file(const Settings& settings) noexcept;

/// True while hooks of ours are in the game's code: the module must then stay loaded. Main thread.
bool hooks_in_place() noexcept;

}  // namespace mp::plugin
