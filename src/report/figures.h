// What a session comes to, and what became better or worse from one to another. docs/mpnvse.md says how.
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

enum class Better : std::uint8_t { neither, lower, higher };

/// The middle half of a figure's values, one for each minute: from the first quartile to the third.
struct Spread {
    double low = 0;
    double high = 0;
};

struct Figure {
    std::string name;  ///< of an estimate it ends in " (estimated)"
    std::string unit;
    Better better = Better::neither;
    std::optional<double> value;   ///< nothing where the session lacks a column, or has no time in which it could grow
    std::optional<Spread> spread;  ///< nothing when too few minutes have a value
    bool is_count = false;         ///< every single one matters: no spread
};

struct Summary {
    std::size_t rows = 0;
    std::vector<Figure> figures;                                ///< the same ones in the same order for every session
    std::vector<std::pair<std::string, std::int64_t>> totals;   ///< what each column is at in the end
    std::vector<std::pair<std::uint64_t, std::string>> events;  ///< milliseconds since the start, "kind: text"
    std::string verdict;                                        ///< the last one; "" when there is none
    std::string frame_cap;             ///< a sentence, when something keeps the frames from coming faster; or ""
    std::vector<std::string> remarks;  ///< on the file
};

/// `name` is the file's, for remarks.
std::expected<Summary, session::Problem> summarise(std::string_view file, std::string_view name);

/// second / first; nothing when either is missing or negative, or the first is 0.
std::optional<double> ratio(const Figure& first, const Figure& second) noexcept;

/// From the first to the second.
struct Difference {
    enum class Kind : std::uint8_t { not_judged, none, better, worse };
    Kind kind = Kind::not_judged;        ///< not judged: not measured in both, or neither more nor less of it is better
    std::optional<bool> exceeds_spread;  ///< whether the two spreads lie apart; of a count whether it changed; nothing
                                         ///< when one is not known
};
Difference difference(const Figure& first, const Figure& second) noexcept;

/// "better", "worse", "the same"; "" when it is not judged.
std::string_view kind_name(Difference::Kind kind) noexcept;

/// "better by 23 %", "worse by 4 %, within the spread", "the same", "not measured in A"; "" when there is nothing to
/// say.
std::string describe_difference(const Figure& first, const Figure& second);

}  // namespace mp::report
