// Whole files in and out.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mp::tools {

using Bytes = std::vector<std::uint8_t>;

/// `progress` is called now and then with the bytes read, when there is one. The error is a line for people.
std::expected<Bytes, std::string> read_file(const std::filesystem::path& path,
                                            const std::function<void(std::size_t)>& progress = {});

/// Writes beside the target first, so that a failure leaves no half a file under the name asked for. Refuses to write
/// over one of the files that were read for it.
std::expected<void, std::string> write_file(const std::filesystem::path& path, std::string_view text,
                                            std::span<const std::filesystem::path> inputs = {});

}  // namespace mp::tools
