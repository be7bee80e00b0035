// Two sessions side by side, figure by figure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "session/reader.h"

namespace mp::report {

struct ComparedFigure {
    std::string name;
    std::string unit;
    std::optional<double> first;  ///< nothing where it was not measured
    std::optional<double> second;
    /// second / first; nothing when either is missing or negative, or the first is 0.
    [[nodiscard]] std::optional<double> ratio() const noexcept;
};

std::vector<ComparedFigure> compare(const session::Session& first, const session::Session& second);

nlohmann::ordered_json comparison_data(const std::vector<ComparedFigure>& figures);
/// A table of fixed width.
std::string comparison_text(const std::vector<ComparedFigure>& figures, const std::string& first,
                            const std::string& second);

}  // namespace mp::report
