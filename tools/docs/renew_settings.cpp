// Renews, in the project's folder, what is made from the settings table. Usage: renew_settings FOLDER.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "docs/settings_document.h"

namespace {

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text << std::flush;
    if (!file) {
        std::fprintf(stderr, "cannot write %s\n", path.c_str());
    }
    return file.good();
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: renew_settings FOLDER (the project's)\n");
        return 2;
    }
    const std::string root = arguments[1];
    std::ifstream readme(root + "/README.md", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(readme), {}};
    const bool done =
        !text.empty() && write_file(root + "/README.md", mp::tools::with_settings_table(text)) &&
        write_file(root + "/package/Data/NVSE/Plugins/MemoryPoolNVSE.default.ini", mp::tools::settings_file());
    return done ? 0 : 1;
}
