// A line of progress on the terminal, for work that takes longer than a moment. Nothing when nobody watches.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace mp::tools {

class Progress {
public:
    /// `what`: "checking FalloutNV.exe"; `total`: amount that is the whole. Silent when stderr is no terminal or
    /// `quiet`.
    Progress(std::string what, std::size_t total, bool quiet);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Shown at most ten times a second, and not during the first half second.
    void at(std::size_t done);

private:
    using Clock = std::chrono::steady_clock;
    std::string what_;
    std::size_t total_;
    bool silent_;
    bool shown_ = false;
    Clock::time_point next_;
};

}  // namespace mp::tools
