#include "app/stale_probe.h"

#include "app/content.h"
#include "app/engine_calls.h"
#include "app/random.h"
#include "app/traffic.h"
#include "game/nvse_abi.h"

#include <algorithm>
#include <array>
#include <windows.h>

namespace mp::app {
namespace {

constexpr std::array<std::uint32_t, 7> kFrees{1, 4, 16, 64, 256, 1024, 4096};
constexpr std::array<std::uint32_t, 6> kFrames{1, 2, 4, 8, 16, 32};
constexpr std::uint32_t kFreesInAFrame = 300;
constexpr std::uint32_t kFramesInACell = 8;  ///< then the pools are purged, as at a cell change
constexpr std::uint32_t kFreesBetweenProbes = 24;
constexpr std::uint32_t kProbes = 2000;
constexpr std::uint32_t kWindow = 1024;  ///< live blocks of the traffic around the probes
constexpr std::uint32_t kLinkBytes = 8;

/// A freed object. Its contents are known by its seed.
struct Probe {
    const std::uint8_t* object = nullptr;
    std::uint32_t size = 0;
    std::uint32_t seed = 0;
    std::uint32_t freed_at = 0;  ///< in frees of the traffic
};

bool is_readable(const void* address, std::uint32_t size) {
    const auto* at = static_cast<const std::uint8_t*>(address);
    const std::uint8_t* const end = at + size;
    while (at < end) {
        MEMORY_BASIC_INFORMATION region{};
        constexpr DWORD kReadable = PAGE_READONLY | PAGE_READWRITE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE;
        if (VirtualQuery(at, &region, sizeof region) != sizeof region || region.State != MEM_COMMIT ||
            (region.Protect & kReadable) == 0) {
            return false;
        }
        at = static_cast<const std::uint8_t*>(region.BaseAddress) + region.RegionSize;
    }
    return true;
}

/// True when the bytes from `from` on are those that the seed gives; `from` is a multiple of 4.
bool is_whole_from(const Probe& probe, std::uint32_t from) {
    return has_content(probe.object + from, probe.size - from, probe.seed + from / 4);
}

void look(const Probe& probe, StaleCount& count) {
    ++count.objects;
    if (!is_readable(probe.object, probe.size)) {
        ++count.unreadable;
    } else if (is_whole_from(probe, 0)) {
        ++count.whole;
    } else if (is_whole_from(probe, kLinkBytes)) {
        ++count.links;
    } else {
        ++count.changed;
    }
}

/// The game's ordinary work: one block made and written, the oldest of the window freed.
class TrafficAround {
public:
    TrafficAround(std::uint64_t seed, const StaleGroup& group) : random_(seed), group_(group) {
        for (Owned& owned : window_) {
            owned = make();
        }
    }
    ~TrafficAround() {
        for (const Owned& owned : window_) {
            fn::kOperatorDelete(owned.block);
        }
    }
    TrafficAround(const TrafficAround&) = delete;
    TrafficAround& operator=(const TrafficAround&) = delete;

    /// One free. A fifth of the blocks has the sizes of the probes' group, so that their memory is wanted again.
    void step() {
        Owned& oldest = window_[frees_ % kWindow];
        fn::kOperatorDelete(oldest.block);
        oldest = make();
        ++frees_;
        if (frees_ % kFreesInAFrame == 0) {
            end_frame();
        }
    }

    Probe free_object() {
        const std::uint32_t size = random_.between(group_.low, group_.high) & ~3U;
        const auto seed = random_.next32() | 1U;
        void* object = fn::kOperatorNew(size);
        fill_content(object, size, seed);
        fn::kOperatorDelete(object);
        return {static_cast<const std::uint8_t*>(object), size, seed, frees_};
    }

    [[nodiscard]] std::uint32_t frees() const { return frees_; }

private:
    struct Owned {
        void* block = nullptr;
    };

    Owned make() {
        const bool same_group = random_.chance(200);
        const std::uint32_t size = same_group ? random_.between(group_.low, group_.high)
                                              : random_.between(1, random_.chance(800) ? 128 : 1200);
        void* block = fn::kOperatorNew(size);
        fill_content(block, size, random_.next32());
        return {block};
    }

    void end_frame() {
        sort_pools_step();
        if (frees_ / kFreesInAFrame % kFramesInACell == 0) {
            fn::kPurgePools();
        }
    }

    Random random_;
    const StaleGroup& group_;
    std::array<Owned, kWindow> window_{};
    std::uint32_t frees_ = 0;
};

/// Looks at each probe once at each distance.
class Schedule {
public:
    Schedule(std::vector<StaleCount>& counts, std::uint32_t frees_a_unit) : counts_(counts), unit_(frees_a_unit) {
        next_.resize(counts.size(), 0);
    }
    void look_at_due(const std::vector<Probe>& probes, std::uint32_t now) {
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            const std::uint32_t distance = counts_[i].distance * unit_;
            while (next_[i] < probes.size() && now - probes[next_[i]].freed_at >= distance) {
                look(probes[next_[i]++], counts_[i]);
            }
        }
    }

private:
    std::vector<StaleCount>& counts_;
    std::uint32_t unit_;
    std::vector<std::size_t> next_;
};

template <std::size_t Count>
std::vector<StaleCount> counts_for(const std::array<std::uint32_t, Count>& distances) {
    std::vector<StaleCount> counts(Count);
    for (std::size_t i = 0; i < Count; ++i) {
        counts[i].distance = distances[i];
    }
    return counts;
}

void probe(StaleGroup& group, std::uint64_t seed, std::uint32_t probes) {
    group.after_frees = counts_for(kFrees);
    group.after_frames = counts_for(kFrames);
    std::vector<Probe> freed;
    freed.reserve(probes);
    TrafficAround traffic(seed, group);
    Schedule by_frees(group.after_frees, 1);
    Schedule by_frames(group.after_frames, kFreesInAFrame);
    const std::uint32_t last = probes * kFreesBetweenProbes + kFrames.back() * kFreesInAFrame + 1;
    while (traffic.frees() < last) {
        if (traffic.frees() % kFreesBetweenProbes == 0 && freed.size() < probes) {
            freed.push_back(traffic.free_object());
        }
        traffic.step();
        by_frees.look_at_due(freed, traffic.frees());
        by_frames.look_at_due(freed, traffic.frees());
    }
}

}  // namespace

std::vector<StaleGroup> probe_stale_reads(std::uint64_t seed, std::uint32_t scale_percent) {
    std::vector<StaleGroup> groups{
        {"small objects, from pools", 16, 104, {}, {}},
        {"small objects, from the heap", 292, 384, {}, {}},
        {"small objects, from both", 16, 512, {}, {}},
        {"medium objects", 640, 4096, {}, {}},
        {"as large as a HighProcess", 1132, 1132, {}, {}},
        {"as large as a bhkCharacterController", 1616, 1616, {}, {}},
        {"as large as small bone data", 2048, 2048, {}, {}},
        {"as large as large bone data", 3584, 3584, {}, {}},
        {"buffers", 8192, 65536, {}, {}},
    };
    const auto probes =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(20, std::uint64_t{kProbes} * scale_percent / 100));
    for (StaleGroup& group : groups) {
        probe(group, ++seed, probes);
    }
    return groups;
}

namespace {

std::uint32_t count_unreadable(const std::vector<void*>& blocks) {
    return static_cast<std::uint32_t>(
        std::count_if(blocks.begin(), blocks.end(), [](const void* block) { return !is_readable(block, 1); }));
}

void show_loading_screen(const Extender& extender) {
    for (const bool loading : {true, true, false, false}) {
        extender.frame_present(loading);
    }
    extender.message(nvse::kMessagePostLoadGame);
    extender.main_loop_pass();
}

void probe(FreedMemory& freed, const Extender& extender, Random& random) {
    std::vector<void*> blocks;
    for (std::uint64_t bytes = 0; bytes < std::uint64_t{freed.megabytes} << 20;) {
        const std::uint32_t size = random.between(freed.low, freed.high);
        blocks.push_back(fn::kOperatorNew(size));
        fill_content(blocks.back(), size, random.next32());
        bytes += size;
    }
    for (void* block : blocks) {
        fn::kOperatorDelete(block);
    }
    freed.blocks = static_cast<std::uint32_t>(blocks.size());
    freed.faults_at_once = count_unreadable(blocks);
    Sleep(1000);
    freed.faults_after_a_second = count_unreadable(blocks);
    show_loading_screen(extender);
    freed.faults_after_loading = count_unreadable(blocks);
}

}  // namespace

std::vector<FreedMemory> probe_freed_memory(const Extender& extender, std::uint64_t seed, std::uint32_t scale_percent) {
    constexpr std::uint32_t kKilobyte = 1024;
    const std::uint32_t much = std::max(1U, 300 * scale_percent / 100);
    const std::uint32_t little = std::max(1U, 80 * scale_percent / 100);
    std::vector<FreedMemory> results{
        {.megabytes = much, .low = 4 * kKilobyte, .high = 64 * kKilobyte},
        {.megabytes = much, .low = 100 * kKilobyte, .high = 4096 * kKilobyte},
        {.megabytes = little, .low = 4 * kKilobyte, .high = 64 * kKilobyte},
        {.megabytes = little, .low = 100 * kKilobyte, .high = 4096 * kKilobyte},
    };
    Random random(seed);
    for (FreedMemory& freed : results) {
        probe(freed, extender, random);
    }
    return results;
}

}  // namespace mp::app
