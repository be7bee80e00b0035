// The page: one HTML file with everything in it, readable without a network.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "session/reader.h"

namespace mp::report {

/// One session.
std::string session_page(const session::Session& session, const std::string& label);
/// Two sessions in the same charts, and their figures side by side.
std::string comparison_page(const session::Session& first, const std::string& first_label,
                            const session::Session& second, const std::string& second_label);

}  // namespace mp::report
