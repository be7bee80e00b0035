#include "plugin/page_file.h"

#include <cstdio>
#include <memory>
#include <string>

#include "os/executable.h"
#include "report/page.h"

namespace mp::plugin {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string read_all(const char* path) {
    const File file(std::fopen(path, "rb"), &std::fclose);
    std::string bytes;
    if (file == nullptr || std::fseek(file.get(), 0, SEEK_END) != 0) {
        return bytes;
    }
    const long size = std::ftell(file.get());
    if (size < 0 || std::fseek(file.get(), 0, SEEK_SET) != 0) {
        return bytes;
    }
    bytes.resize(static_cast<std::size_t>(size));
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
    return bytes;
}

bool write_all(const char* path, const std::string& text) {
    const File file(std::fopen(path, "wb"), &std::fclose);
    return file != nullptr && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
           std::fflush(file.get()) == 0;
}

}  // namespace

bool write_page(const char* session, const char* page) noexcept {
    try {
        const auto thinned = report::thin(read_all(session), os::file_name(session));
        return thinned && write_all(page, report::page({&*thinned, 1}));
    } catch (...) {  // out of memory, or a text that cannot be shown: the session file is still there
        return false;
    }
}

}  // namespace mp::plugin
