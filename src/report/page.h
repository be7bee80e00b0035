// The page: one HTML file with everything in it, readable without a network. It holds the session's lines; page.js adds
// them up and draws them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "session/reader.h"

namespace mp::report {

/// A longer session is thinned out to about so many rows.
inline constexpr std::size_t kMostRows = 1500;

/// The session with fewer rows, which come to the same: totals, first and last row, each level's highest value (of the
/// largest hole the lowest). Its first event says its `name`; remarks on the file are warnings at its end.
std::expected<std::string, session::Problem> thin(std::string_view file, std::string_view name,
                                                  std::size_t most_rows = kMostRows);

/// A page that goes on asks the address it came from for newer ones of itself; others ask nobody.
enum class Life : std::uint8_t { ended, goes_on };

/// Of one session, or of two side by side, as thin() gives them.
std::string page(std::span<const std::string> sessions, Life life = Life::ended);

}  // namespace mp::report
