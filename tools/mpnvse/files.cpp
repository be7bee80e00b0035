#include "mpnvse/files.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "mpnvse/platform.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStep = 1 << 20;
/// Larger than any executable or session that makes sense; keeps a wrong path from filling the memory.
constexpr std::uintmax_t kLargestFile = 1U << 30;

std::string why(const fs::path& path, const std::error_code& error) {
    return fmt::format("{}: {}", to_text(path), message_of(error));
}

std::error_code last_error() {
#if defined(_WIN32)
    return {static_cast<int>(GetLastError()), std::system_category()};
#else
    return {errno, std::system_category()};
#endif
}

// --- one system's calls ----------------------------------------------------------------------------------------------

#if defined(_WIN32)

void* open_shared(const fs::path& path) {
    void* const file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                   nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    return file != INVALID_HANDLE_VALUE ? file : nullptr;
}

void close(void* file) {
    CloseHandle(file);
}

bool size_of(void* file, std::uint64_t& size) {
    LARGE_INTEGER found{};
    const bool known = GetFileSizeEx(file, &found) != 0;
    size = static_cast<std::uint64_t>(found.QuadPart);
    return known;
}

/// Negative: last_error() says why.
std::int64_t read_at(void* file, std::uint64_t offset, std::span<std::uint8_t> out) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32);
    DWORD got = 0;
    const bool read = ReadFile(file, out.data(), static_cast<DWORD>(out.size()), &got, &place) != 0;
    return read || GetLastError() == ERROR_HANDLE_EOF ? std::int64_t{got} : -1;
}

#else

int descriptor(void* file) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(file)) - 1;  // so that none is nullptr
}

void* open_shared(const fs::path& path) {
    return reinterpret_cast<void*>(std::intptr_t{::open(path.c_str(), O_RDONLY | O_CLOEXEC)} + 1);
}

void close(void* file) {
    ::close(descriptor(file));
}

bool size_of(void* file, std::uint64_t& size) {
    struct stat found{};
    const bool known = fstat(descriptor(file), &found) == 0;
    size = static_cast<std::uint64_t>(found.st_size);
    return known;
}

/// Negative: last_error() says why.
std::int64_t read_at(void* file, std::uint64_t offset, std::span<std::uint8_t> out) {
    return pread(descriptor(file), out.data(), out.size(), static_cast<off_t>(offset));
}

#endif

}  // namespace

std::expected<InputFile, std::string> InputFile::open(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        return std::unexpected(fmt::format("{}: a folder, not a file", to_text(path)));
    }
    Handle handle(open_shared(path), &close);
    std::uint64_t size = 0;
    if (handle == nullptr || !size_of(handle.get(), size)) {
        return std::unexpected(why(path, last_error()));
    }
    return InputFile(path, std::move(handle), size);
}

std::expected<std::size_t, std::string> InputFile::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
        const std::int64_t got = read_at(handle_.get(), offset + done, out.subspan(done));
        if (got < 0) {
            return std::unexpected(why(path_, last_error()));
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

std::expected<Bytes, std::string> read_file(const fs::path& path, const std::function<void(std::size_t)>& progress) {
    const auto file = InputFile::open(path);
    if (!file) {
        return std::unexpected(file.error());
    }
    if (file->size() > kLargestFile) {
        return std::unexpected(fmt::format("{}: too large ({} bytes)", to_text(path), file->size()));
    }
    Bytes bytes(static_cast<std::size_t>(file->size()));
    for (std::size_t done = 0; done < bytes.size();) {
        const auto got = file->read(done, std::span(bytes).subspan(done, std::min(kStep, bytes.size() - done)));
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            bytes.resize(done);  // it became shorter
        }
        done += *got;
        if (progress) {
            progress(done);
        }
    }
    return bytes;
}

std::expected<void, std::string> write_file(const fs::path& path, std::string_view text,
                                            std::span<const fs::path> inputs) {
    std::error_code error;
    for (const fs::path& input : inputs) {
        if (fs::equivalent(path, input, error)) {
            return std::unexpected(fmt::format("{}: is what was read, and is not written over", to_text(path)));
        }
    }
    fs::path part = path;
    part += ".part";
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) {
        fs::remove(part, error);
        return std::unexpected(fmt::format("{}: cannot be written", to_text(path)));
    }
    fs::rename(part, path, error);
    if (error) {
        return std::unexpected(why(path, error));
    }
    return {};
}

}  // namespace mp::tools
