#include "example_session.h"

#include <array>
#include <cmath>
#include <string>

#include "game/sites.h"
#include "session/writer.h"

namespace mp::report::test {

namespace {

using game::Group;
using session::CounterInfo;
using session::Role;
using session::State;

using Bytes = std::vector<std::uint8_t>;

constexpr double kMegabyte = 1024.0 * 1024.0;

struct Counted {
    const char* name;
    Group group;
    std::uint8_t pattern;
    Role role;
    double per_second;
};

constexpr std::array kModeNames{"full", "boundary", "scrap", "off"};

constexpr Counted kCounted[] = {
    {"media buffers allocated", Group::media_samples, 1, Role::allocation, 0.4},
    {"media buffers freed", Group::media_samples, 1, Role::release, 0.39},
    {"grow and shrink of scrap buffers", Group::scrap_buffers, 2, Role::page_request, 900},
    {"scrap buffers created", Group::scrap_buffers, 3, Role::allocation, 40},
    {"scrap buffers freed", Group::scrap_buffers, 3, Role::release, 39.9},
    {"arenas reserved", Group::pool_memory, 4, Role::allocation, 0.3},
    {"arenas released", Group::pool_memory, 4, Role::release, 0.2},
    {"pool pages", Group::pool_memory, 5, Role::page_request, 300},
    {"heap backings reserved", Group::heap_backing, 6, Role::allocation, 0.002},
    {"heap tail", Group::heap_tail, 7, Role::page_request, 60},
    {"decommits inside free blocks", Group::heap_interior, 8, Role::page_request, 0},
    {"heap blocks allocated", Group::heap_blocks, 9, Role::allocation, 21'000},
    {"heap blocks freed", Group::heap_blocks, 9, Role::release, 20'950},
    {"small-block regions", Group::crt_small_blocks, 10, Role::allocation, 0},
    {"game blocks allocated", Group::game_heap, 0, Role::allocation, 160'000},
    {"game blocks freed", Group::game_heap, 0, Role::release, 159'800},
    {"CRT blocks allocated", Group::crt_heap, 0, Role::allocation, 9'000},
    {"CRT blocks freed", Group::crt_heap, 0, Role::release, 8'990},
    {"scrap blocks allocated", Group::scrap_heaps, 0, Role::allocation, 48'000},
    {"scrap blocks freed", Group::scrap_heaps, 0, Role::release, 48'000},
};

constexpr std::array<std::uint64_t, 12> kBounds{8,    16,   32,     64,      128,      256,
                                                1024, 4096, 32'768, 262'144, 1U << 20, UINT64_MAX};
constexpr std::array<double, 12> kShares{.11, .24, .21, .18, .11, .07, .05, .02, .007, .002, .0007, .0003};

bool is_door(Group group) {
    return group == Group::game_heap || group == Group::crt_heap || group == Group::scrap_heaps ||
           group == Group::thread_scrap_heap || group == Group::providers || group == Group::game_heap_optional;
}

State state_of(Group group, const Example& example) {
    if (example.mode == ExampleMode::off || (is_door(group) && example.mode == ExampleMode::boundary) ||
        (!game::is_of_scrap_heaps(group) && example.mode == ExampleMode::scrap)) {
        return State::not_asked;
    }
    return example.one_group_declined && group == Group::pool_memory ? State::declined : State::replaced;
}

/// 1 in play, more in the loading screens that come every five minutes.
double load(std::uint32_t second) {
    const double in_cycle = second % 300;
    const double loading = in_cycle < 12 ? 3.5 : 1;
    return loading * (1 + 0.25 * std::sin(second / 17.0) + 0.1 * std::sin(second / 3.1));
}

class Recorder {
public:
    explicit Recorder(const Example& example) : example_(example) {}

    Bytes record() {
        writer_.open({[](void* context, const void* data, std::size_t size) {
                          auto& out = *static_cast<Bytes*>(context);
                          const auto* begin = static_cast<const std::uint8_t*>(data);
                          out.insert(out.end(), begin, begin + size);
                          return true;
                      },
                      &bytes_},
                     {.start_unix_ms = 1'763'928'000'000, .interval_ms = 1000, .process_id = 1234});
        describe();
        for (std::uint32_t second = 0; second <= example_.seconds; ++second) {
            sample(second);
        }
        if (example_.ends_in_order) {
            writer_.end(1000ULL * example_.seconds);
        }
        return bytes_;
    }

private:
    [[nodiscard]] bool active() const { return example_.mode != ExampleMode::off; }

    void describe() {
        const char* mode = kModeNames[static_cast<std::size_t>(example_.mode)];
        writer_.text("plugin version", "0.1.0");
        writer_.text("extender version", "6.4.8");
        writer_.text("game version", "1.4.0.525");
        writer_.text("large address aware", "yes");
        writer_.text("mode", mode);
        writer_.text("activation", "Preload");
        writer_.text("setting Main sMode", mode);
        writer_.text("setting Memory iQuarantineKB", "256");
        describe_groups();
        std::uint16_t index = 0;
        for (const Counted& counted : kCounted) {
            writer_.counter({.index = index++,
                             .pattern = counted.pattern,
                             .role = counted.role,
                             .site = 0,
                             .group = game::group_name(counted.group),
                             .name = counted.name});
        }
        writer_.buckets(kBounds);
        writer_.module({0x00400000, 0x00FB0000, 0x000100040000020D, session::ModuleKind::game, "FalloutNV.exe"});
        writer_.module({0x10000000, 0x00060000, 0x0000000100000000, session::ModuleKind::plugin, "MemoryPoolNVSE.dll"});
        writer_.module({0x11000000, 0x00160000, 0x0006000400080000, session::ModuleKind::extender, "nvse_1_4.dll"});
        writer_.module({0x12000000, 0x00090000, 0x0039001E00000000, session::ModuleKind::plugin, "jip_nvse.dll"});
        writer_.module({0x7B800000, 0x00100000, 0, session::ModuleKind::system, "kernel32.dll"});
        writer_.event(2'000, session::Severity::note, "saved game loaded </script><b>not markup</b>");
    }

    void describe_groups() {
        for (std::size_t i = 0; i < game::kGroupCount; ++i) {
            const auto group = static_cast<Group>(i);
            std::uint8_t sites = 0;
            for (const game::Site& site : game::kSites) {
                if (site.group == group && group != Group::none && group != Group::locks) {
                    ++sites;
                    writer_.site({.address = site.va,
                                  .pattern = site.mission_pattern,
                                  .in_mission = in_mission(site),
                                  .is_slot = false,
                                  .state = state_of(group, example_),
                                  .group = game::group_name(group),
                                  .name = site.name});
                }
            }
            const State state = state_of(group, example_);
            if (sites != 0) {
                writer_.group({.name = game::group_name(group),
                               .state = state,
                               .sites = sites,
                               .mismatches = static_cast<std::uint8_t>(state == State::declined ? 1 : 0),
                               .reason = state == State::declined ? "0x00AA6610: foreign jump (other.dll)" : ""});
            }
        }
    }

    void sample(std::uint32_t second) {
        const double factor = load(second);
        std::array<std::uint64_t, std::size(kCounted)> counters{};
        for (std::size_t i = 0; i < counters.size(); ++i) {
            const bool counts = state_of(kCounted[i].group, example_) != State::not_asked;
            totals_[i] += counts ? kCounted[i].per_second * factor : 0;
            counters[i] = static_cast<std::uint64_t>(totals_[i]);
        }
        allocations_ += (example_.mode == ExampleMode::full ? 238'000 : active() ? 21'040 : 0) * factor;
        saved_ += (active() ? 900.0 : 0) * factor;
        kernel_ += (example_.mode == ExampleMode::full ? 0.6 : active() ? 4 : 0) * factor;
        std::array<std::uint64_t, kShares.size()> histogram{};
        for (std::size_t i = 0; i < histogram.size(); ++i) {
            histogram[i] = static_cast<std::uint64_t>(allocations_ * kShares[i]);
        }
        writer_.sample(figures(second, factor), counters, histogram);
    }

    [[nodiscard]] session::Figures figures(std::uint32_t second, double factor) {
        const auto bytes = [](double megabytes) { return static_cast<std::uint64_t>(megabytes * kMegabyte); };
        const double live = 420 + 60 * std::sin(second / 90.0) + second * 0.03;
        const double overhead = example_.mode == ExampleMode::full ? 1.15 : 1.5;
        frame_ns_ += 1e9;
        memory_ns_ += 1e9 * factor * (example_.mode == ExampleMode::full ? 0.021 : active() ? 0.045 : 0.09);
        session::Figures f;
        f.time_ms = 1000ULL * second;
        f.live_bytes = active() ? bytes(live) : session::kNotMeasured;
        f.committed_bytes = bytes(live * overhead + 700);
        f.reserved_bytes = bytes(live * overhead + (example_.mode == ExampleMode::full ? 900 : 1300));
        f.own_committed_bytes = active() ? bytes(live * overhead) : session::kNotMeasured;
        f.own_reserved_bytes = active() ? bytes(live * overhead + 64) : session::kNotMeasured;
        f.largest_hole = bytes(1100 - live - second * 0.1);
        f.total_allocations = static_cast<std::uint64_t>(allocations_);
        f.total_frees = static_cast<std::uint64_t>(allocations_ * 0.998);
        f.saved_kernel_calls = static_cast<std::int64_t>(saved_) - (active() ? 40 : 0);
        f.kernel_calls = static_cast<std::uint64_t>(kernel_);
        f.frames = 60ULL * second;
        f.frame_ns = static_cast<std::uint64_t>(frame_ns_);
        f.memory_ns = static_cast<std::uint64_t>(memory_ns_);
        f.threads = 14;
        return f;
    }

    Example example_;
    Bytes bytes_;
    session::Writer writer_;
    std::array<double, std::size(kCounted)> totals_{};
    double allocations_ = 0;
    double saved_ = 0;
    double kernel_ = 0;
    double frame_ns_ = 0;
    double memory_ns_ = 0;
};

}  // namespace

std::vector<std::uint8_t> example_session(const Example& example) {
    return Recorder(example).record();
}

}  // namespace mp::report::test
