#include "host/nvse/messaging.h"

namespace mp::host {

void Messaging::add(nvse::PluginHandle sender, nvse::PluginHandle listener, nvse::MessageHandler handler) {
    for (const Listener& known : listeners_) {
        if (known.sender == sender && known.listener == listener) {
            return;
        }
    }
    listeners_.push_back({sender, listener, handler});
}

bool Messaging::dispatch(nvse::PluginHandle sender, nvse::Message message, nvse::PluginHandle receiver) const {
    bool delivered = false;
    // A copy: a handler may register another listener.
    const std::vector<Listener> listeners = listeners_;
    for (const Listener& known : listeners) {
        if (known.sender == sender && (receiver == kEveryone || known.listener == receiver)) {
            known.handler(&message);
            delivered = true;
        }
    }
    return delivered;
}

}  // namespace mp::host
