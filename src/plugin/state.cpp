#include "plugin/state.h"

namespace mp::plugin {

namespace {

constinit Activation g_activation;

}  // namespace

const Activation& activation() noexcept {
    return g_activation;
}

Activation& activation_under_way() noexcept {
    return g_activation;
}

void use_settings(const Settings& settings) noexcept {
    g_activation.settings = settings;
}

void note_settings_in_file(const Settings& settings) noexcept {
    g_activation.in_file = settings;
}

bool hooks_in_place() noexcept {
    return replace::installed_sites() != 0;
}

}  // namespace mp::plugin
