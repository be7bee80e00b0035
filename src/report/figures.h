// What a session comes to. page/figures.csv says what each figure is; the page reads the same table.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session/reader.h"

namespace mp::report {

struct Figure {
    std::string name;
    std::string unit;
    std::optional<double> value;  ///< nothing where the session lacks a column, or has no time in which it could grow
};

struct Summary {
    std::size_t rows = 0;
    std::vector<Figure> figures;                                ///< the same ones in the same order for every session
    std::vector<std::pair<std::string, std::int64_t>> totals;   ///< what each column is at in the end
    std::vector<std::pair<std::uint64_t, std::string>> events;  ///< milliseconds since the start, "kind: text"
    std::string verdict;                                        ///< the last one; "" when there is none
    std::vector<std::string> remarks;                           ///< on the file
};

/// `name` is the file's, for remarks.
std::expected<Summary, session::Problem> summarise(std::string_view file, std::string_view name);

/// second / first; nothing when either is missing or negative, or the first is 0.
std::optional<double> ratio(const Figure& first, const Figure& second) noexcept;

}  // namespace mp::report
