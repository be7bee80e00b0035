#include "host/common/plugin_files.h"

#include <algorithm>
#include <cstring>
#include <windows.h>

namespace mp::host {
namespace {

std::size_t rank(const std::string& name, const std::vector<std::string>& first) {
    const auto same = [&](const std::string& other) { return _stricmp(other.c_str(), name.c_str()) == 0; };
    return static_cast<std::size_t>(std::find_if(first.begin(), first.end(), same) - first.begin());
}

}  // namespace

std::vector<std::string> plugin_files(const std::string& folder, const std::vector<std::string>& first) {
    std::vector<std::string> names;
    WIN32_FIND_DATAA data{};
    const HANDLE search = FindFirstFileA((folder + "\\*.dll").c_str(), &data);
    if (search == INVALID_HANDLE_VALUE) {
        return names;
    }
    do {
        if ((data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
            names.emplace_back(data.cFileName);
        }
    } while (FindNextFileA(search, &data) != FALSE);
    FindClose(search);
    std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
        const std::size_t rank_a = rank(a, first);
        const std::size_t rank_b = rank(b, first);
        return rank_a != rank_b ? rank_a < rank_b : _stricmp(a.c_str(), b.c_str()) < 0;
    });
    return names;
}

}  // namespace mp::host
