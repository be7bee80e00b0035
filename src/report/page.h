// The page: one HTML file with everything in it, readable without a network. It holds the session's lines; page.js adds
// them up and draws them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/figures.h"
#include "session/reader.h"

namespace mp::report {

/// A longer session is thinned out to about so many rows, and those of its last minute.
inline constexpr std::size_t kMostRows = 1500;
inline constexpr std::size_t kLastLines = 70;

/// What the page holds of a session.
struct Thinned {
    std::string text;             ///< the session with fewer rows
    std::vector<Figure> figures;  ///< of all its rows
};

/// The session with fewer rows, which come to the same: totals, first and last row, each level's highest value (of
/// holes the lowest). The last lines are all kept. Its first event says its `name`, the next one its frame cap, if
/// there is one; remarks on the file stand at its end, as events of that kind.
std::expected<Thinned, session::Problem> thin(std::string_view file, std::string_view name,
                                              std::size_t most_rows = kMostRows);

/// The same of a session whose summary is there already.
Thinned thin(std::string_view file, std::string_view name, const Summary& summary, std::size_t most_rows = kMostRows);

/// A page that goes on asks the address it came from for newer ones of itself; others ask nobody.
enum class Life : std::uint8_t { ended, goes_on };

/// Of one session, or of two side by side, as thin() gives them.
std::string page(std::span<const Thinned> sessions, Life life = Life::ended);

}  // namespace mp::report
