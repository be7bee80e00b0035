#include "plugin/page_file.h"

#include <cstdio>
#include <memory>

#include "os/executable.h"
#include "report/page.h"

namespace mp::plugin {

namespace {

constexpr long kMostBytes = 32L << 20;

PageWritten failure(const char* why) noexcept {
    PageWritten failed;
    std::snprintf(failed.why.text, sizeof failed.why.text, "%s", why);
    return failed;
}

os::FileError write_new(const char* path, const std::string& text) noexcept {
    os::AppendFile file;
    const os::FileError error = file.create(path);
    const os::FileError written = error != 0 ? error : file.write(text.data(), text.size());
    file.close();
    return written;
}

/// Beside the page, then over it.
os::FileError replace(const char* page, const std::string& text) {
    const std::string part = std::string(page) + ".part";
    const os::FileError written = write_new(part.c_str(), text);
    const os::FileError error = written != 0 ? written : os::rename_file(part.c_str(), page);
    if (error != 0) {
        os::remove_file(part.c_str());
    }
    return error;
}

}  // namespace

std::string read_whole(const char* path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(os::open_file(path, "rb"), &std::fclose);
    std::string bytes;
    if (file == nullptr || std::fseek(file.get(), 0, SEEK_END) != 0) {
        return bytes;
    }
    const long size = std::ftell(file.get());
    if (size < 0 || size > kMostBytes || std::fseek(file.get(), 0, SEEK_SET) != 0) {
        return bytes;
    }
    bytes.resize(static_cast<std::size_t>(size));
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
    return bytes;
}

PageWritten write_page(const char* session, const char* page) noexcept {
    try {
        const auto thinned = report::thin(read_whole(session), os::file_name(session));
        if (!thinned) {
            return failure("the session cannot be read");
        }
        const os::FileError error = replace(page, report::page({&*thinned, 1}));
        return error == 0 ? PageWritten{.done = true, .why = {}} : failure(os::describe(error).text);
    } catch (...) {  // a text that cannot be shown, or no memory: the session file is still there
        return failure("out of memory");
    }
}

}  // namespace mp::plugin
