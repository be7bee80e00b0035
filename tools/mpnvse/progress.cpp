#include "mpnvse/progress.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "mpnvse/platform.h"

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace mp::tools {

namespace {

bool somebody_watches() {
#if defined(_WIN32)
    return _isatty(_fileno(stderr)) != 0;
#else
    return isatty(fileno(stderr)) != 0;
#endif
}

constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr auto kInterval = std::chrono::milliseconds(100);

}  // namespace

Progress::Progress(std::string what, std::size_t total, bool quiet)
    : what_(std::move(what)), total_(total), silent_(quiet || !somebody_watches()), next_(Clock::now() + kPatience) {}

Progress::~Progress() {
    if (shown_) {
        print(stderr, "\r\x1B[K");
    }
}

void Progress::at(std::size_t done) {
    if (silent_ || Clock::now() < next_) {
        return;
    }
    next_ = Clock::now() + kInterval;
    shown_ = true;
    print(stderr, fmt::format("\r{}: {} %\x1B[K", what_, total_ != 0 ? done * 100 / total_ : 0));
}

}  // namespace mp::tools
