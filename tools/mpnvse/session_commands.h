// `mpnvse report` and `mpnvse compare`, without the command line. The outcome is an exit code: 0 done, 1 the file is no
// readable session or the page could not be written, 3 a file could not be read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace mp::tools {

struct ReportRequest {
    std::filesystem::path session;
    std::optional<std::filesystem::path> output;  ///< nothing: beside the session, ending in .html
    bool json = false;                            ///< the document instead of the page
};

struct CompareRequest {
    std::filesystem::path first;
    std::filesystem::path second;
    std::optional<std::filesystem::path> output;  ///< nothing: no page
    bool json = false;
};

/// Exit codes beside 0: not what was asked for, or it could not be written; a file could not be read.
inline constexpr int kFailed = 1;
inline constexpr int kNotReadable = 3;

/// What is to be printed, and how the program ends.
struct Outcome {
    int code = 0;
    std::string out;     ///< for stdout
    std::string errors;  ///< for stderr
};

/// Where a session's page goes when nobody says.
std::filesystem::path page_of(std::filesystem::path session);

Outcome make_report(const ReportRequest& request);
Outcome make_comparison(const CompareRequest& request);

}  // namespace mp::tools
