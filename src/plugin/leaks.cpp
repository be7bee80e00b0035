#include "plugin/leaks.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "guard/guarded_blocks.h"
#include "os/os.h"
#include "plugin/findings.h"
#include "plugin/state.h"
#include "replace/diagnosis.h"

namespace mp::plugin::leaks {

namespace {

constexpr std::uint32_t kQuarters = 4;
/// Fewer blocks say nothing, and a quarter with less than this part of them is no steady growth.
constexpr std::uint32_t kLeastBlocks = 16;
constexpr std::uint32_t kLeastShare = 8;

/// A place in code that makes blocks.
struct Site {
    std::uintptr_t code = 0;
    std::uint64_t bytes = 0;
    std::array<std::uint32_t, kQuarters>
        blocks{};  ///< that live, by the quarter of the session in which they were made

    [[nodiscard]] std::uint32_t total() const noexcept {
        std::uint32_t sum = 0;
        for (const std::uint32_t count : blocks) {
            sum += count;
        }
        return sum;
    }
    [[nodiscard]] bool grows() const noexcept {
        return total() >= kLeastBlocks && *std::ranges::min_element(blocks) * kLeastShare >= total() / kQuarters;
    }
};

/// The sites of all live blocks; those that find no place are left out.
struct Sites {
    std::uint32_t began_ms = 0;
    std::uint32_t passed_ms = 0;
    std::size_t count = 0;
    std::array<Site, 1024> all{};

    void add(const guard::History& block) noexcept {
        const std::uintptr_t code = findings::site_of(block.allocated.stack);
        const auto end = all.begin() + static_cast<std::ptrdiff_t>(count);
        auto* const found = std::find_if(all.begin(), end, [code](const Site& one) { return one.code == code; });
        if (found == end && count == all.size()) {
            return;
        }
        count += found == end ? 1 : 0;
        found->code = code;
        found->bytes += block.size;
        const std::uint64_t age = block.allocated.ms - began_ms;
        const auto quarter = static_cast<std::size_t>(age * kQuarters / std::max(passed_ms, 1U));
        ++found->blocks[std::min<std::size_t>(quarter, kQuarters - 1)];
    }
};

constinit Sites g_sites;  // too large for a game thread's stack

}  // namespace

unsigned tell(unsigned most, Tell tell) noexcept {
    if (!replace::is_diagnosing()) {
        tell_line(tell, "leak candidates: not known without the culprit finder (bDiagnose = 1)");
        return 0;
    }
    g_sites.began_ms = findings::began_ms();
    g_sites.passed_ms = os::tick_ms() - g_sites.began_ms;
    g_sites.count = 0;
    g_sites.all = {};
    guard::each_live([](const guard::History& block, void* sites) { static_cast<Sites*>(sites)->add(block); },
                     &g_sites);
    const auto end =
        std::partition(g_sites.all.begin(), g_sites.all.begin() + static_cast<std::ptrdiff_t>(g_sites.count),
                       [](const Site& one) { return one.grows(); });
    std::sort(g_sites.all.begin(), end, [](const Site& a, const Site& b) { return a.total() > b.total(); });
    unsigned told = 0;
    for (const Site* site = g_sites.all.data(); site != &*end && told < most; ++site, ++told) {
        const findings::CodeText where(site->code);
        tell_line(tell,
                  "leak candidate: %s: %u guarded blocks of %u bytes on average live, made in the quarters of the "
                  "session: %u, %u, %u, %u; each stands for about %u",
                  where.text, site->total(), static_cast<unsigned>(site->bytes / site->total()), site->blocks[0],
                  site->blocks[1], site->blocks[2], site->blocks[3], unsigned{activation().settings.guard_one_in});
    }
    if (told == 0) {
        tell_line(tell, "leak candidates: none among the guarded blocks");
    }
    return told;
}

}  // namespace mp::plugin::leaks
