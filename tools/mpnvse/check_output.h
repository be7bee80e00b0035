// The result of a check, for people and for programs.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "mpnvse/check.h"

namespace mp::tools {

/// Several lines; `verbose` adds every function.
std::string check_text(const CheckResult& result, const std::string& path, bool verbose);
nlohmann::ordered_json check_json(const CheckResult& result, const std::string& path);

/// "all replaced", as in the document of the exit codes.
std::string_view verdict_name(Verdict verdict) noexcept;

}  // namespace mp::tools
