#include "report/figures.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <span>

#include "session/writer.h"

namespace mp::report {

namespace {

using session::Reader;

constexpr std::uint64_t kMinuteMs = 60'000;
/// Quartiles of fewer values say nothing.
constexpr std::size_t kFewestMinutes = 4;
constexpr double kHitchMs = 50;
constexpr std::string_view kEstimated = " (estimated)";

/// Frames that took longer than `above_ms`, up to `to_ms`.
struct FrameColumn {
    std::size_t column = 0;
    double above_ms = 0;
    double to_ms = 0;  ///< of the last one infinite
};

/// Names of the columns, and what they mean together.
class Columns {
public:
    explicit Columns(std::span<const std::string> names) : names_(names) {
        constexpr std::string_view kTo = "frames to ";
        double above = 0;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i].starts_with(kTo)) {
                const double to = std::strtod(names[i].c_str() + kTo.size(), nullptr);
                frames_.push_back({.column = i, .above_ms = above, .to_ms = to});
                above = to;
            } else if (names[i].starts_with("frames above ")) {
                frames_.push_back({.column = i, .above_ms = above, .to_ms = std::numeric_limits<double>::infinity()});
            }
        }
    }

    /// An estimate may stand in for it.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
        const auto found = std::ranges::find_if(names_, [name](std::string_view column) {
            return column.starts_with(name) &&
                   (column.size() == name.size() || column.substr(name.size()) == kEstimated);
        });
        return found != names_.end() ? std::optional(static_cast<std::size_t>(found - names_.begin())) : std::nullopt;
    }
    [[nodiscard]] bool is_estimate(std::string_view name) const {
        const auto found = find(name);
        return found && names_[*found].ends_with(kEstimated);
    }
    [[nodiscard]] std::span<const FrameColumn> frames() const { return frames_; }

private:
    std::span<const std::string> names_;
    std::vector<FrameColumn> frames_;
};

/// Rows that follow each other, and the loading screens that ended among them.
class Stretch {
public:
    explicit Stretch(const Columns& columns) : columns_(&columns), hole_(columns.find("largest hole KB")) {}

    void add(std::uint64_t ms, std::span<const std::int64_t> row) {
        if (last_.empty()) {
            first_ms_ = ms;
            first_ = lowest_ = highest_ = {row.begin(), row.end()};
        } else {
            was_scarce_ms_ += hole_ && last_[*hole_] < session::kScarceHoleKb ? ms - last_ms_ : 0;
            for (std::size_t i = 0; i < row.size(); ++i) {
                lowest_[i] = std::min(lowest_[i], row[i]);
                highest_[i] = std::max(highest_[i], row[i]);
            }
        }
        last_ms_ = ms;
        last_.assign(row.begin(), row.end());
    }
    void add_loading_screen(std::uint64_t ms) { loading_screens_ms_.push_back(static_cast<double>(ms)); }

    [[nodiscard]] bool is_empty() const { return last_.empty(); }
    [[nodiscard]] const Columns& columns() const { return *columns_; }
    [[nodiscard]] std::uint64_t first_ms() const { return first_ms_; }
    [[nodiscard]] std::uint64_t last_ms() const { return last_ms_; }
    [[nodiscard]] std::span<const std::int64_t> last_row() const { return last_; }
    [[nodiscard]] std::span<const double> loading_screens_ms() const { return loading_screens_ms_; }

    // Nothing where the column is missing.
    [[nodiscard]] std::optional<double> last(std::string_view name) const { return value(last_, name); }
    [[nodiscard]] std::optional<double> lowest(std::string_view name) const { return value(lowest_, name); }
    [[nodiscard]] std::optional<double> highest(std::string_view name) const { return value(highest_, name); }
    [[nodiscard]] std::optional<double> growth(std::string_view name) const {
        const auto column = columns_->find(name);
        return column ? std::optional(growth(*column)) : std::nullopt;
    }
    [[nodiscard]] double growth(std::size_t column) const {
        return static_cast<double>(last_[column] - first_[column]);
    }
    [[nodiscard]] double milliseconds() const { return static_cast<double>(last_ms_ - first_ms_); }
    [[nodiscard]] std::optional<double> scarce_ms() const {
        return hole_ ? std::optional(static_cast<double>(was_scarce_ms_)) : std::nullopt;
    }

private:
    [[nodiscard]] std::optional<double> value(const std::vector<std::int64_t>& row, std::string_view name) const {
        const auto column = columns_->find(name);
        return column ? std::optional(static_cast<double>(row[*column])) : std::nullopt;
    }

    const Columns* columns_;
    std::optional<std::size_t> hole_;
    std::uint64_t first_ms_ = 0;
    std::uint64_t last_ms_ = 0;
    std::uint64_t was_scarce_ms_ = 0;
    std::vector<std::int64_t> first_;
    std::vector<std::int64_t> last_;
    std::vector<std::int64_t> lowest_;
    std::vector<std::int64_t> highest_;
    std::vector<double> loading_screens_ms_;
};

using Value = std::optional<double>;

Value scaled(const Value& value, double factor) {
    return value ? Value(*value * factor) : value;
}
Value divided(const Value& value, const Value& by) {
    return value && by && *by > 0 ? Value(*value / *by) : std::nullopt;
}
Value megabytes(const Value& kilobytes) {
    return scaled(kilobytes, 1.0 / 1024);
}
Value per_second(const Stretch& stretch, std::string_view column) {
    return scaled(divided(stretch.growth(column), stretch.milliseconds()), 1000);
}

// --- frames ----------------------------------------------------------------------------------------------------------

double count_frames(const Stretch& stretch, double above_ms = 0) {
    double count = 0;
    for (const FrameColumn& frames : stretch.columns().frames()) {
        count += frames.above_ms >= above_ms ? stretch.growth(frames.column) : 0;
    }
    return count;
}

Value longest_so_far_ms(const Stretch& stretch) {
    return scaled(stretch.last("longest frame us"), 0.001);
}

/// Upper bound of a column's frames in this stretch.
double bound_ms(const Stretch& stretch, const FrameColumn& frames) {
    return std::min(frames.to_ms, std::max(longest_so_far_ms(stretch).value_or(frames.above_ms), frames.above_ms));
}

/// The time that this share of the frames do not exceed, evenly spread within their column. Nothing when not even one
/// frame may be expected beyond.
Value frame_time_ms(const Stretch& stretch, double share) {
    const double all = count_frames(stretch);
    if (all * (1 - share) < 1) {
        return std::nullopt;
    }
    double before = 0;
    for (const FrameColumn& frames : stretch.columns().frames()) {
        const double count = stretch.growth(frames.column);
        if (count > 0 && before + count >= share * all) {
            const double width = bound_ms(stretch, frames) - frames.above_ms;
            return frames.above_ms + width * (share * all - before) / count;
        }
        before += count;
    }
    return std::nullopt;
}

/// Frames a second that all but this share of them reach.
Value low(const Stretch& stretch, double share) {
    return divided(1000, frame_time_ms(stretch, 1 - share));
}

/// Exact when it is the longest of the session so far, else the bound of its column.
Value longest_frame_ms(const Stretch& stretch) {
    if (stretch.growth("longest frame us").value_or(0) > 0) {
        return longest_so_far_ms(stretch);
    }
    Value longest;
    for (const FrameColumn& frames : stretch.columns().frames()) {
        longest = stretch.growth(frames.column) > 0 ? bound_ms(stretch, frames) : longest;
    }
    return longest;
}

Value hitches_per_minute(const Stretch& stretch) {
    return divided(count_frames(stretch, kHitchMs) * kMinuteMs, stretch.growth("frame ms"));
}

/// What limiters and screens usually allow, in frames a second.
constexpr std::array kUsualCaps{240, 165, 144, 120, 100, 90, 75, 72, 60, 50, 48, 40, 30};

std::string rate_of(const FrameColumn& frames) {
    std::string text;
    for (const int cap : kUsualCaps) {
        const double ms = 1000.0 / cap;
        if (ms > frames.above_ms && ms <= frames.to_ms) {
            text += (text.empty() ? "" : " or ") + std::to_string(cap);
        }
    }
    const auto whole = [](double rate) { return std::to_string(std::lround(rate)); };
    return text.empty() ? whole(1000 / frames.to_ms) + " to " + whole(1000 / frames.above_ms) : text;
}

std::string trimmed(double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g", number);
    return text.data();
}

/// A cap shows as frames that nearly all take the same time, hardly one less.
std::string describe_frame_cap(const Stretch& stretch) {
    constexpr double kFewestFrames = 1000;
    constexpr double kSameTime = 0.6;  // in two neighbouring columns, since a cap may lie at their border
    constexpr double kFaster = 0.02;
    const auto columns = stretch.columns().frames();
    const double all = count_frames(stretch);
    double faster = 0;
    for (std::size_t i = 0; all >= kFewestFrames && i + 2 < columns.size() && faster <= kFaster * all; ++i) {
        const double here = stretch.growth(columns[i].column);
        const double next = stretch.growth(columns[i + 1].column);
        const bool narrow = columns[i].above_ms > 0;
        if (narrow && here + next >= kSameTime * all) {
            return "a frame cap of about " + rate_of(here >= next ? columns[i] : columns[i + 1]) +
                   " frames a second: " + std::to_string(std::lround(100 * (here + next) / all)) +
                   " % of the frames take " + trimmed(columns[i].above_ms) + " to " + trimmed(columns[i + 1].to_ms) +
                   " ms, hardly one takes less; what would be faster cannot show in the mean";
        }
        faster += here;
    }
    return "";
}

// --- loading screens -------------------------------------------------------------------------------------------------

/// Nothing in a session whose plugin did not look at them.
bool measures_loading(const Stretch& stretch) {
    return stretch.columns().find("loading ms").has_value();
}

Value count_loading_screens(const Stretch& stretch) {
    return measures_loading(stretch) ? Value(static_cast<double>(stretch.loading_screens_ms().size())) : std::nullopt;
}

Value mean_loading_s(const Stretch& stretch) {
    const auto times = stretch.loading_screens_ms();
    return scaled(divided(std::accumulate(times.begin(), times.end(), 0.0), static_cast<double>(times.size())), 0.001);
}

Value longest_loading_s(const Stretch& stretch) {
    const auto times = stretch.loading_screens_ms();
    return times.empty() ? std::nullopt : Value(std::ranges::max(times) / 1000);
}

/// How long one was on, from the text of the event that ends it: "ended; 5123 ms; ...".
std::optional<std::uint64_t> loading_time(std::string_view event) {
    constexpr std::string_view kEnded = "ended; ";
    const auto text = session::text_of(event, "loading screen");
    std::uint64_t ms = 0;
    if (!text || !text->starts_with(kEnded)) {
        return std::nullopt;
    }
    const std::string_view rest = text->substr(kEnded.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ms);
    return error == std::errc{} && std::string_view(end, rest.data() + rest.size()).starts_with(" ms")
               ? std::optional(ms)
               : std::nullopt;
}

// --- the table -------------------------------------------------------------------------------------------------------

struct Kind {
    std::string_view name;
    std::string_view unit;
    Better better;
    Value (*value)(const Stretch& stretch);
    std::string_view column = "";  ///< which may hold an estimate
    bool is_count = false;
};

using S = const Stretch&;
constexpr Kind kFigures[] = {
    {"duration", "s", Better::neither, [](S s) { return Value(static_cast<double>(s.last_ms()) / 1000); }},
    {"functions replaced", "", Better::neither, [](S s) { return s.last("functions replaced"); }},
    {"front doors replaced", "", Better::neither, [](S s) { return s.last("front doors replaced"); }},
    {"frame, mean", "ms", Better::lower, [](S s) { return divided(s.growth("frame ms"), s.growth("frames")); }},
    {"1 % low (estimated)", "fps", Better::higher, [](S s) { return low(s, 0.01); }},
    {"0.1 % low (estimated)", "fps", Better::higher, [](S s) { return low(s, 0.001); }},
    {"longest frame", "ms", Better::lower, &longest_frame_ms},
    {"hitches above 50 ms", "1/min", Better::lower, &hitches_per_minute},
    {"loading screens", "", Better::neither, &count_loading_screens},
    {"loading screen, mean", "s", Better::lower, &mean_loading_s},
    {"loading screen, longest", "s", Better::lower, &longest_loading_s},
    {"committed, peak", "MB", Better::lower, [](S s) { return megabytes(s.highest("committed KB")); }},
    {"reserved, peak", "MB", Better::lower, [](S s) { return megabytes(s.highest("reserved KB")); }},
    {"largest hole, lowest", "MB", Better::higher, [](S s) { return megabytes(s.lowest("largest hole KB")); }},
    {"largest hole, at the end", "MB", Better::higher, [](S s) { return megabytes(s.last("largest hole KB")); }},
    {"largest hole below 64 MB", "s", Better::lower, [](S s) { return scaled(s.scarce_ms(), 0.001); }},
    {"live, peak", "MB", Better::neither, [](S s) { return megabytes(s.highest("live KB")); }},
    {"allocations per second", "1/s", Better::neither, [](S s) { return per_second(s, "allocations"); }, "allocations"},
    {"kernel calls per second", "1/s", Better::lower, [](S s) { return per_second(s, "kernel calls"); },
     "kernel calls"},
    {"kernel calls saved per second", "1/s", Better::higher, [](S s) { return per_second(s, "kernel calls saved"); },
     "kernel calls saved"},
    {"failed allocations", "", Better::lower, [](S s) { return s.last("failed allocations"); }, "", true},
};

/// Linear between the two values around it.
double quantile(std::span<const double> sorted, double share) {
    const double at = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

std::optional<Spread> spread_of(const Kind& kind, std::span<const Stretch> minutes) {
    std::vector<double> values;
    for (const Stretch& minute : minutes) {
        if (const Value value = kind.value(minute)) {
            values.push_back(*value);
        }
    }
    if (values.size() < kFewestMinutes) {
        return std::nullopt;
    }
    std::ranges::sort(values);
    return Spread{.low = quantile(values, 0.25), .high = quantile(values, 0.75)};
}

std::vector<Figure> figures_of(const Stretch& whole, std::span<const Stretch> minutes) {
    std::vector<Figure> figures;
    for (const Kind& kind : kFigures) {
        const bool estimate = !kind.column.empty() && whole.columns().is_estimate(kind.column);
        Figure figure{.name = std::string(kind.name).append(estimate ? kEstimated : ""),
                      .unit = std::string(kind.unit),
                      .better = kind.better,
                      .value = {},
                      .spread = {},
                      .is_count = kind.is_count};
        if (!whole.is_empty()) {
            figure.value = kind.value(whole);
            figure.spread = figure.value && !kind.is_count ? spread_of(kind, minutes) : std::nullopt;
        }
        figures.push_back(std::move(figure));
    }
    return figures;
}

/// The session as a whole and minute by minute; only whole minutes count.
class Course {
public:
    explicit Course(const Columns& columns) : whole_(columns), minute_(columns) {}

    void add(std::uint64_t ms, std::span<const std::int64_t> row) {
        whole_.add(ms, row);
        minute_.add(ms, row);
        if (ms - minute_.first_ms() >= kMinuteMs) {
            Stretch next(minute_.columns());
            next.add(ms, row);  // what grows from here on is the next minute's
            minutes_.push_back(std::exchange(minute_, std::move(next)));
        }
    }
    void add_loading_screen(std::uint64_t ms) {
        whole_.add_loading_screen(ms);
        minute_.add_loading_screen(ms);
    }

    [[nodiscard]] const Stretch& whole() const { return whole_; }
    [[nodiscard]] std::span<const Stretch> minutes() const { return minutes_; }

private:
    Stretch whole_;
    Stretch minute_;
    std::vector<Stretch> minutes_;
};

}  // namespace

std::expected<Summary, session::Problem> summarise(std::string_view file, std::string_view name) {
    auto reader = Reader::open(file);
    if (!reader) {
        return std::unexpected(reader.error());
    }
    Summary summary;
    const Columns columns(reader->columns());
    Course course(columns);
    while (reader->next()) {
        if (reader->event().empty()) {
            ++summary.rows;
            course.add(reader->ms(), reader->figures());
            continue;
        }
        summary.events.emplace_back(reader->ms(), reader->event());
        if (const auto verdict = session::text_of(reader->event(), session::kVerdict)) {
            summary.verdict = *verdict;
        }
        if (const auto ms = loading_time(reader->event())) {
            course.add_loading_screen(*ms);
        }
    }
    summary.figures = figures_of(course.whole(), course.minutes());
    summary.frame_cap = summary.rows != 0 ? describe_frame_cap(course.whole()) : "";
    for (std::size_t i = 0; i < reader->columns().size(); ++i) {
        summary.totals.emplace_back(reader->columns()[i], reader->figures()[i]);
    }
    summary.remarks = reader->remarks(name);
    return summary;
}

std::optional<double> ratio(const Figure& first, const Figure& second) noexcept {
    const bool both = first.value && second.value && *first.value > 0 && *second.value >= 0;
    return both ? std::optional(*second.value / *first.value) : std::nullopt;
}

Difference difference(const Figure& first, const Figure& second) noexcept {
    if (first.better == Better::neither || !first.value || !second.value) {
        return {};
    }
    Difference result{.kind = Difference::Kind::none, .exceeds_spread = {}};
    const double growth = *second.value - *first.value;
    if (growth != 0) {
        const bool better = (growth < 0) == (first.better == Better::lower);
        result.kind = better ? Difference::Kind::better : Difference::Kind::worse;
    }
    if (first.is_count) {
        result.exceeds_spread = growth != 0;
    } else if (first.spread && second.spread) {
        result.exceeds_spread =
            growth < 0 ? second.spread->high < first.spread->low : second.spread->low > first.spread->high;
    }
    return result;
}

std::string_view kind_name(Difference::Kind kind) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"", "the same", "better", "worse"};
    return kNames[static_cast<std::size_t>(kind)];
}

std::string describe_difference(const Figure& first, const Figure& second) {
    if (!first.value || !second.value) {
        return !first.value && !second.value ? "not measured"
               : !first.value                ? "not measured in A"
                                             : "not measured in B";
    }
    const Difference what = difference(first, second);
    std::string text(kind_name(what.kind));
    if (what.kind != Difference::Kind::better && what.kind != Difference::Kind::worse) {
        return text;
    }
    constexpr double kManyTimes = 3;
    const std::optional<double> by = ratio(first, second);
    if (!by) {
        text += " by " + trimmed(std::abs(*second.value - *first.value)) + (first.unit.empty() ? "" : " ") + first.unit;
    } else if (*by >= kManyTimes) {
        text += ", " + trimmed(*by) + " times as much";
    } else {
        text += " by " + trimmed(100 * std::abs(*by - 1)) + " %";
    }
    return text + (!what.exceeds_spread ? ", too little to tell" : *what.exceeds_spread ? "" : ", within the spread");
}

}  // namespace mp::report
