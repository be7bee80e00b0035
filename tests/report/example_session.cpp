#include "example_session.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <span>
#include <utility>

#include "game/sites.h"
#include "session/frame_times.h"
#include "session/writer.h"

namespace mp::report::test {

namespace {

using game::Group;

struct Counted {
    Group group;
    unsigned pattern;
    const char* kind;
    double per_second;
};

constexpr std::array kModeNames{"full", "boundary", "scrap", "off"};

constexpr Counted kCounted[] = {
    {Group::media_samples, 1, "allocated", 0.4},     {Group::media_samples, 1, "freed", 0.39},
    {Group::scrap_buffers, 2, "page requests", 900}, {Group::scrap_buffers, 3, "allocated", 40},
    {Group::scrap_buffers, 3, "freed", 39.9},        {Group::pool_memory, 4, "allocated", 0.3},
    {Group::pool_memory, 4, "freed", 0.2},           {Group::pool_memory, 5, "page requests", 300},
    {Group::heap_backing, 6, "allocated", 0.002},    {Group::heap_tail, 7, "page requests", 60},
    {Group::heap_interior, 8, "page requests", 0},   {Group::heap_blocks, 9, "allocated", 21'000},
    {Group::heap_blocks, 9, "freed", 20'950},        {Group::crt_small_blocks, 10, "allocated", 0},
    {Group::game_heap, 0, "allocated", 160'000},     {Group::game_heap, 0, "freed", 159'800},
    {Group::crt_heap, 0, "allocated", 9'000},        {Group::crt_heap, 0, "freed", 8'990},
    {Group::scrap_heaps, 0, "allocated", 48'000},    {Group::scrap_heaps, 0, "freed", 48'000},
};

constexpr std::array kSizes{"to 8 B",  "to 16 B", "to 32 B",  "to 64 B",   "to 128 B", "to 256 B",
                            "to 1 KB", "to 4 KB", "to 32 KB", "to 256 KB", "to 1 MB",  "above 1 MB"};
constexpr std::array<double, kSizes.size()> kShares{.11, .24, .21, .18, .11, .07, .05, .02, .007, .002, .0007, .0003};

constexpr const char* kDeclined = "declined; 1 of 4 sites differ; first: 0x00AA6610: foreign jump (other.dll)";
constexpr const char* kOwned = "left to its owner; tweaks.dll owns 0x00AA42E0";

bool is_asked(Group group, const Example& example) {
    const bool is_door = game::is_front_door(group) || group == Group::providers;
    return example.mode != ExampleMode::off && (!is_door || example.mode != ExampleMode::boundary) &&
           (game::is_of_scrap_heaps(group) || example.mode != ExampleMode::scrap);
}

const char* state_of(Group group, const Example& example) {
    if (!is_asked(group, example)) {
        return "not asked for";
    }
    return example.one_group_declined && group == Group::pool_memory         ? "declined"
           : example.door_left_to_owner && group == Group::thread_scrap_heap ? "left to its owner"
                                                                             : "replaced";
}

constexpr std::uint32_t kCycle = 300;  ///< a loading screen every five minutes

/// Seconds that one takes.
std::uint32_t loading_seconds(const Example& example) {
    return example.mode == ExampleMode::off ? 18 : 12;
}

bool is_loading(std::uint32_t second, const Example& example) {
    return second % kCycle < loading_seconds(example);
}

/// 1 in play, more in loading screens.
double load(std::uint32_t second, const Example& example) {
    const double loading = is_loading(second, example) ? 3.5 : 1;
    return loading * (1 + 0.25 * std::sin(second / 17.0) + 0.1 * std::sin(second / 3.1));
}

class Recorder {
public:
    explicit Recorder(const Example& example) : example_(example) {}

    std::string record() {
        writer_.open({[](void* context, const void* data, std::size_t size) {
                          static_cast<std::string*>(context)->append(static_cast<const char*>(data), size);
                          return true;
                      },
                      &text_});
        figures(0, 1, [this](const std::string& name, double) { writer_.column(name); });
        writer_.begin();
        describe();
        for (std::uint32_t second = 0; second <= example_.seconds && !example_.without_rows; ++second) {
            pass(second);
            sample(second);
            say_loading(second);
            say_refusals(second);
            if (second == 2) {
                writer_.event(2'000, "note", "saved game loaded </pre></script><b>not \"markup\"</b>");
                describe_modules();
            }
        }
        if (example_.ends_in_order) {
            writer_.event(1000ULL * example_.seconds, session::kEnd, "in order");
        }
        return text_;
    }

private:
    [[nodiscard]] bool active() const { return example_.mode != ExampleMode::off; }
    [[nodiscard]] bool full() const { return example_.mode == ExampleMode::full; }
    void say(std::string_view kind, std::string_view text) { writer_.event(12, kind, text); }

    /// Frames up to this second: 60 a second and a hitch now and then in full mode, without it fewer and more hitches.
    void pass(std::uint32_t second) {
        const std::uint64_t end_us = 1'000'000ULL * second;
        if (second == 0 || is_loading(second - 1, example_)) {
            now_us_ = end_us;
            frames_.pass(1 + now_us_, second != 0);
            return;
        }
        const bool hitch = second % (active() ? 20 : 4) == 3;
        std::uint64_t us = !hitch ? frame_us(second) : active() ? 62'000 : 90'000;
        while (now_us_ + us <= end_us) {
            now_us_ += us;
            frames_.pass(1 + now_us_, false);
            us = frame_us(second);
        }
    }

    [[nodiscard]] std::uint64_t frame_us(std::uint32_t second) const {
        const double slow = 22'000 + 5'000 * std::sin(second / 9.0) + 1'500 * std::sin(static_cast<double>(now_us_));
        return active() ? 16'700 : static_cast<std::uint64_t>(slow);
    }

    void say_loading(std::uint32_t second) {
        const std::uint32_t since = second % kCycle;
        if (since == 0) {
            writer_.event(1000ULL * second, "loading screen", "began");
        } else if (since == loading_seconds(example_) && second >= since) {
            writer_.event(1000ULL * second, "loading screen",
                          "ended; " + std::to_string(1000 * since) +
                              " ms; committed 1150000 KB before, 1201000 KB after; largest hole 655360 KB before, "
                              "609280 KB after");
        }
    }

    void say_refusals(std::uint32_t second) {
        if (example_.runs_out_of_memory && second + 5 >= example_.seconds) {
            ++refusals_;
            writer_.event(1000ULL * second, session::kWarning,
                          "OUT OF MEMORY: thread 1234 asked for 22369640 bytes; largest hole 20480 KB, allocator has "
                          "701000 KB committed; 0 further refusals before this one were not written down");
        }
    }

    [[nodiscard]] std::string verdict() const {
        if (!active()) {
            return "MemoryPoolNVSE does nothing: switched off by its settings";
        }
        const std::string end = example_.mode == ExampleMode::scrap
                                    ? "scrap mode, 4 of 17 patches, 6 of 21 front doors; chosen with sMode = scrap: 4 "
                                      "and 6, the rest is the game's"
                                : example_.one_group_declined ? "full mode, 13 of 17 patches, 21 of 21 front doors"
                                : example_.door_left_to_owner ? "full mode, 17 of 17 patches, 20 of 21 front doors"
                                                              : "full mode, 17 of 17 patches, 21 of 21 front doors";
        return "MemoryPoolNVSE 0.1.0: " +
               std::string(example_.one_group_declined ? "works in part, see MemoryPoolNVSE.log; " : "all is well; ") +
               end;
    }

    void describe() {
        const char* mode = kModeNames[static_cast<std::size_t>(example_.mode)];
        say("start", "2025-11-23 20:00:00 UTC");
        say("plugin version", "0.1.0");
        say("extender version", "6.4.8");
        say("game version", "1.4.0.525");
        say("large address aware", "yes");
        say("mode", mode);
        say("moment", "Preload");
        say("setting Main sMode", mode);
        say("setting Memory iQuarantineKB", "256");
        describe_groups();
        say(session::kVerdict, verdict());
        if (example_.one_group_declined) {
            say(session::kWarning, "MemoryPoolNVSE: pool memory: " + std::string(kDeclined));
        }
        if (example_.door_left_to_owner) {
            say("note", "MemoryPoolNVSE: thread scrap heap: " + std::string(kOwned));
        }
    }

    void describe_modules() {
        for (const auto& [name, text] : {std::pair("FalloutNV.exe", "game; 1.4.0.525; 0x00400000"),
                                         std::pair("MemoryPoolNVSE.dll", "plugin; 0.1.0.0; 0x10000000"),
                                         std::pair("nvse_1_4.dll", "extender; 0.6.4.8; 0x11000000"),
                                         std::pair("jip_nvse.dll", "plugin; 57.30.0.0; 0x12000000"),
                                         std::pair("kernel32.dll", "system; ; 0x7B800000")}) {
            writer_.event(2'000, std::string("module ") + name, text);
        }
    }

    void describe_groups() {
        for (std::size_t i = 0; i < game::kGroupCount; ++i) {
            const auto group = static_cast<Group>(i);
            const std::string state = state_of(group, example_);
            std::size_t sites = 0;
            for (const game::Site& site : game::kSites) {
                if (site.group != group || group == Group::none || group == Group::locks) {
                    continue;
                }
                ++sites;
                std::array<char, 32> kind{};
                std::snprintf(kind.data(), kind.size(), "function 0x%08X", unsigned{site.va});
                say(kind.data(),
                    state + "; " + std::string(site.name) + "; " + std::string(game::group_name(group)) +
                        (site.mission_pattern != 0 ? "; pattern " + std::to_string(site.mission_pattern) : ""));
            }
            if (sites != 0 && is_asked(group, example_)) {
                say("group " + std::string(game::group_name(group)), state == "declined"            ? kDeclined
                                                                     : state == "left to its owner" ? kOwned
                                                                                                    : state);
            }
        }
    }

    void sample(std::uint32_t second) {
        std::array<std::int64_t, session::kMaxColumns> values{};
        std::size_t count = 0;
        figures(second, load(second, example_),
                [&](const std::string&, double value) { values[count++] = static_cast<std::int64_t>(value); });
        writer_.row(1000ULL * second, std::span(values).first(count));
    }

    /// Gives every column with its value; each call is a second more.
    template <typename Take>
    void figures(std::uint32_t second, double factor, Take take) {
        const double live = 420 + 60 * std::sin(second / 90.0) + second * 0.03;
        const double overhead = full() ? 1.15 : 1.5;
        take("functions replaced", !active()                             ? 0
                                   : example_.mode == ExampleMode::scrap ? 4
                                   : example_.one_group_declined         ? 13
                                                                         : 17);
        take("front doors replaced", full()                                ? (example_.door_left_to_owner ? 20 : 21)
                                     : example_.mode == ExampleMode::scrap ? 6
                                                                           : 0);
        take("committed KB", 1024 * (live * overhead + 700));
        take("reserved KB", 1024 * (live * overhead + (full() ? 900 : 1300)));
        const double left = example_.runs_out_of_memory ? std::min(1.0, (example_.seconds - second) / 200.0) : 1;
        const double hole = std::max(1024 * (20 + left * (1080 - live - second * 0.01)), 0.0);
        take("largest hole KB", hole);
        take("second hole KB", hole * 0.6);
        frames_.each(take);
        if (!active()) {
            return;
        }
        take("live KB", 1024 * live);
        take("own committed KB", 1024 * live * overhead);
        take("own reserved KB", 1024 * (live * overhead + 64));
        const double allocations = (full() ? 238'000.0 : 21'040.0) * factor;
        take("allocations", grown("allocations", allocations));
        take("frees", grown("frees", allocations * 0.998));
        take("kernel calls saved", grown("saved", 900 * factor) - 40);
        take("kernel calls", grown("made", (full() ? 0.6 : 4) * factor));
        take("failed allocations", refusals_);
        for (const Counted& counted : kCounted) {
            if (is_asked(counted.group, example_)) {
                const std::string name = std::string(game::group_name(counted.group)) + " " +
                                         (counted.pattern != 0 ? std::to_string(counted.pattern) + " " : "") +
                                         counted.kind;
                take(name, grown(name, counted.per_second * factor));
            }
        }
        for (std::size_t i = 0; i < kSizes.size(); ++i) {
            take(kSizes[i], totals_["allocations"] * kShares[i]);
        }
    }

    double grown(const std::string& name, double by) { return totals_[name] += by; }

    Example example_;
    std::string text_;
    session::Writer writer_;
    std::map<std::string, double> totals_;
    session::FrameTimes frames_;
    std::uint64_t now_us_ = 0;
    std::uint32_t refusals_ = 0;
};

}  // namespace

std::string example_session(const Example& example) {
    return Recorder(example).record();
}

}  // namespace mp::report::test
