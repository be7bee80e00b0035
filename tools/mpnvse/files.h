// Files in and out.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mp::tools {

using Bytes = std::vector<std::uint8_t>;

/// A file that is read while another program may write, rename or replace it: none of that is in its way.
class InputFile {
public:
    /// The error is a line for people, as are those below.
    static std::expected<InputFile, std::string> open(const std::filesystem::path& path);

    /// In bytes, when it was opened.
    [[nodiscard]] std::uint64_t size() const { return size_; }

    /// As many of the bytes from `offset` on as there are and fit.
    [[nodiscard]] std::expected<std::size_t, std::string> read(std::uint64_t offset, std::span<std::uint8_t> out) const;

private:
    using Handle = std::unique_ptr<void, void (*)(void*)>;

    InputFile(std::filesystem::path path, Handle handle, std::uint64_t size)
        : path_(std::move(path)), handle_(std::move(handle)), size_(size) {}

    std::filesystem::path path_;
    Handle handle_;
    std::uint64_t size_;
};

/// `progress` is called now and then with the bytes read, when there is one.
std::expected<Bytes, std::string> read_file(const std::filesystem::path& path,
                                            const std::function<void(std::size_t)>& progress = {});

/// Writes beside the target first, so that a failure leaves no half a file under the name asked for. Refuses to write
/// over one of the files that were read for it.
std::expected<void, std::string> write_file(const std::filesystem::path& path, std::string_view text,
                                            std::span<const std::filesystem::path> inputs = {});

}  // namespace mp::tools
