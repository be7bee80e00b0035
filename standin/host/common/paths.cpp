#include "host/common/paths.h"

#include <windows.h>

namespace mp::host {

std::string current_directory() {
    char text[MAX_PATH + 1] = {};
    const DWORD length = GetCurrentDirectoryA(sizeof text, text);
    std::string path(text, length < sizeof text ? length : 0);
    while (!path.empty() && path.back() == '\\') {
        path.pop_back();
    }
    return path;
}

std::string runtime_directory() {
    char text[MAX_PATH + 1] = {};
    const DWORD length = GetModuleFileNameA(nullptr, text, sizeof text);
    const std::string path(text, length < sizeof text ? length : 0);
    return path.substr(0, path.rfind('\\') + 1);
}

}  // namespace mp::host
