// What each of the tests' plugins needs: its settings, and the extender's messages.
#pragma once

#include <windows.h>

#include <cstring>
#include <string>

#include "game/nvse_abi.h"

namespace mp::tests {

/// The file beside a DLL that has the DLL's name and ends with .ini, one section of it.
class PluginSettings {
public:
    explicit PluginSettings(const char* section) noexcept : section_(section) {}

    /// In DllMain, before anything is read.
    void lie_beside(HMODULE module) noexcept {
        GetModuleFileNameA(module, path_, sizeof path_);
        std::strcpy(std::strrchr(path_, '.'), ".ini");
    }
    [[nodiscard]] UINT number(const char* key, int otherwise = 0) const noexcept {
        return GetPrivateProfileIntA(section_, key, otherwise, path_);
    }
    [[nodiscard]] std::string text(const char* key, const char* otherwise = "") const {
        char value[256];
        GetPrivateProfileStringA(section_, key, otherwise, value, sizeof value, path_);
        return value;
    }
    /// Of the DLL, with the last backslash.
    [[nodiscard]] std::string folder() const {
        return {path_, static_cast<std::size_t>(std::strrchr(path_, '\\') + 1 - path_)};
    }

private:
    const char* section_;
    char path_[MAX_PATH] = "";
};

/// In NVSEPlugin_Load: `listener` is told of what the extender says.
inline void listen(const nvse::Interface* nvse, void (*listener)(nvse::Message*)) {
    static_cast<nvse::MessagingInterface*>(nvse->query_interface(nvse::kInterfaceMessaging))
        ->register_listener(nvse->get_plugin_handle(), "NVSE", listener);
}

}  // namespace mp::tests
