// `mpnvse bundle`: what somebody needs who is to find out why a game crashed, in one zip.
#pragma once

#include <filesystem>
#include <optional>

#include "mpnvse/session_commands.h"

namespace mp::tools {

struct BundleRequest {
    std::filesystem::path folder;                 ///< the game's, or one inside it
    std::optional<std::filesystem::path> output;  ///< nothing: kBundleName where the program was started
};

inline constexpr const char* kBundleName = "MemoryPoolNVSE-bundle.zip";

/// Outcome::code: 0 done, 1 the zip could not be written, 3 nothing of the plugin was found or could be read.
Outcome make_bundle(const BundleRequest& request);

}  // namespace mp::tools
