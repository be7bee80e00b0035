#include "plugin/listening.h"

#include "plugin/log.h"
#include "plugin/settings.h"
#include "plugin/version.h"

namespace mp::plugin::listening {

namespace {

constexpr const char* kExtender = "NVSE";
constexpr nvse::PluginHandle kExtenderHandle = 0;
/// A type of message that nobody else sends.
constexpr std::uint32_t kProbe = 0x4D504E56;

struct State {
    nvse::MessagingInterface* messaging = nullptr;
    nvse::MessageHandler handler = nullptr;
    nvse::PluginHandle reported = 0;    ///< what GetPluginHandle said in Load
    nvse::PluginHandle registered = 0;  ///< under which we listen to "NVSE"
    bool arrived = false;               ///< the last probe
    bool reached_by_name = true;
};
constinit State g_state;

bool is_probe(const nvse::Message& message) noexcept {
    return message.type == kProbe;
}

/// ReloadConfig carries the name of the plugin that is meant; under a wrong handle those of another one arrive.
bool is_for_another(const nvse::Message& message) noexcept {
    return message.type == nvse::kMessageReloadConfig && message.data != nullptr && message.data_length != 0 &&
           !equal_ignoring_case(static_cast<const char*>(message.data), MP_PLUGIN_NAME);
}

void on_probe(nvse::Message* message) {
    g_state.arrived = g_state.arrived || is_probe(*message);
}

/// True when a message from `sender` to this plugin alone comes back to us.
bool arrives(nvse::PluginHandle sender) noexcept {
    g_state.arrived = false;
    g_state.messaging->dispatch(sender, kProbe, nullptr, 0, MP_PLUGIN_NAME);
    return g_state.arrived;
}

/// The handle under which xNVSE finds this plugin by its name; 0 when it cannot be told. Nobody else is touched: only
/// the list of those who listen to this plugin grows, and a message from a wrong sender meets no listener of ours.
nvse::PluginHandle find_own_handle() noexcept {
    for (nvse::PluginHandle handle = g_state.reported; handle != 0; --handle) {
        if (g_state.messaging->register_listener(handle, MP_PLUGIN_NAME, &on_probe) && arrives(handle)) {
            return handle;
        }
    }
    return 0;
}

/// Listens under the right handle as well; messages to all were served under the other one already.
void on_message_to_us(nvse::Message* message) {
    on_probe(message);
    if (message->type == nvse::kMessageReloadConfig && !is_for_another(*message)) {
        g_state.handler(message);
    }
}

/// When every plugin is loaded: xNVSE 6.4.5 and newer accept the handle that they reported even when it is too high.
void check_handle() noexcept {
    const nvse::PluginHandle own = find_own_handle();
    if (own == g_state.registered) {
        return;
    }
    g_state.reached_by_name =
        own != 0 && g_state.messaging->register_listener(own, kExtender, &on_message_to_us) && arrives(kExtenderHandle);
    log::line("xNVSE counted wrongly after a plugin that failed to load: handle %u reported, %u right; "
              "ReloadPluginConfig %s",
              unsigned{g_state.reported}, unsigned{own},
              g_state.reached_by_name
                  ? "arrives all the same"
                  : "does not arrive: another plugin listens under the right handle, or it cannot be told");
}

void on_message(nvse::Message* message) {
    on_probe(message);
    if (message->type == nvse::kMessagePostLoad) {
        check_handle();
    }
    if (!is_probe(*message) && !is_for_another(*message)) {
        g_state.handler(message);
    }
}

}  // namespace

bool start(const nvse::Interface& extender, nvse::MessageHandler handler) noexcept {
    auto* messaging = static_cast<nvse::MessagingInterface*>(extender.query_interface(nvse::kInterfaceMessaging));
    if (messaging == nullptr) {
        return false;
    }
    g_state = {.messaging = messaging, .handler = handler, .reported = extender.get_plugin_handle()};
    // Before 6.4.5 the reported handle is refused when it is too high; the highest one that is taken is the right one.
    for (nvse::PluginHandle handle = g_state.reported; handle != 0; --handle) {
        if (messaging->register_listener(handle, kExtender, &on_message)) {
            g_state.registered = handle;
            return true;
        }
    }
    return false;
}

bool is_reached_by_name() noexcept {
    return g_state.reached_by_name;
}

}  // namespace mp::plugin::listening
