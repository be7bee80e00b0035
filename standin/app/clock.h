// Wall time.
#pragma once

#include <cstdint>
#include <windows.h>

namespace mp::app {

class Stopwatch {
public:
    Stopwatch() : start_(now()) {}
    [[nodiscard]] double nanoseconds() const {
        return static_cast<double>(now() - start_) * 1e9 / static_cast<double>(frequency());
    }

private:
    static std::int64_t now() {
        LARGE_INTEGER value{};
        QueryPerformanceCounter(&value);
        return value.QuadPart;
    }
    static std::int64_t frequency() {
        static const std::int64_t value = [] {
            LARGE_INTEGER ticks{};
            QueryPerformanceFrequency(&ticks);
            return ticks.QuadPart;
        }();
        return value;
    }
    std::int64_t start_;
};

}  // namespace mp::app
