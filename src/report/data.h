// A session as one JSON document: what the page shows, and what `mpnvse report --json` prints (docs/report.md).
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "session/reader.h"

namespace mp::report {

/// At most this many points in a chart; longer sessions are thinned out, peaks and dips are kept.
inline constexpr std::size_t kMostPoints = 1500;
/// The same for the rates of a pattern or front door: small charts of things that may happen once in a while.
inline constexpr std::size_t kMostActivityPoints = 240;

/// `label` names the session in charts and tables.
nlohmann::ordered_json session_data(const session::Session& session, const std::string& label);

}  // namespace mp::report
