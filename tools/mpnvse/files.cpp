#include "mpnvse/files.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStep = 1 << 20;
/// Larger than any executable or session that makes sense; keeps a wrong path from filling the memory.
constexpr std::uintmax_t kLargestFile = 1U << 30;

std::string why(const fs::path& path, const std::error_code& error) {
    return fmt::format("{}: {}", path.string(), error.message());
}

}  // namespace

std::expected<Bytes, std::string> read_file(const fs::path& path, const std::function<void(std::size_t)>& progress) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        return std::unexpected(fmt::format("{}: a folder, not a file", path.string()));
    }
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) {
        return std::unexpected(why(path, error));
    }
    if (size > kLargestFile) {
        return std::unexpected(fmt::format("{}: too large ({} bytes)", path.string(), size));
    }
    std::ifstream file(path, std::ios::binary);
    Bytes bytes(static_cast<std::size_t>(size));
    for (std::size_t done = 0; done < bytes.size() && file; done += kStep) {
        const std::size_t part = std::min(kStep, bytes.size() - done);
        file.read(reinterpret_cast<char*>(bytes.data() + done), static_cast<std::streamsize>(part));
        if (progress) {
            progress(done);
        }
    }
    if (!file) {
        return std::unexpected(fmt::format("{}: cannot be read", path.string()));
    }
    return bytes;
}

std::expected<void, std::string> write_file(const fs::path& path, std::string_view text,
                                            std::span<const fs::path> inputs) {
    std::error_code error;
    for (const fs::path& input : inputs) {
        if (fs::equivalent(path, input, error)) {
            return std::unexpected(fmt::format("{}: is what was read, and is not written over", path.string()));
        }
    }
    fs::path part = path;
    part += ".part";
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) {
        fs::remove(part, error);
        return std::unexpected(fmt::format("{}: cannot be written", path.string()));
    }
    fs::rename(part, path, error);
    if (error) {
        return std::unexpected(why(path, error));
    }
    return {};
}

}  // namespace mp::tools
