// Messages between the extender and its plugins.
#pragma once

#include "game/nvse_abi.h"

#include <cstdint>
#include <vector>

namespace mp::host {

/// Listeners by sender. Handles: 0 = the extender, then plugins from 1.
class Messaging {
public:
    /// Only the first registration of a (sender, listener) pair counts; later ones are accepted and change nothing.
    void add(nvse::PluginHandle sender, nvse::PluginHandle listener, nvse::MessageHandler handler);
    /// Calls the listeners of `sender` directly, without any protection; only `receiver` unless it is kEveryone.
    /// True when someone was called.
    bool dispatch(nvse::PluginHandle sender, nvse::Message message, nvse::PluginHandle receiver) const;

    static constexpr nvse::PluginHandle kEveryone = 0xFFFFFFFF;

private:
    struct Listener {
        nvse::PluginHandle sender;
        nvse::PluginHandle listener;
        nvse::MessageHandler handler;
    };
    std::vector<Listener> listeners_;
};

}  // namespace mp::host
