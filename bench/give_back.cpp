// What a pass of the thread that gives memory back costs (mp_give_back): kernel calls, and time of the calling thread's
// clock on the wall. The clock of the ages is the program's own, so that nothing has to wait.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "alloc/mp_alloc.h"
#include "os/os.h"

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr std::uint32_t kDelay = 10'000;
constexpr std::size_t kRounds = 21;

std::uint32_t g_now_ms = 1000;

using Blocks = std::vector<void*>;

Blocks make(std::size_t size, std::size_t bytes) {
    Blocks blocks;
    for (std::size_t made = 0; made < bytes; made += size) {
        blocks.push_back(mp_malloc(size));
        if (blocks.back() != nullptr) {
            std::memset(blocks.back(), 1, size);  // pages that nobody touched cost nothing to give back
        }
    }
    return blocks;
}

void free_all(const Blocks& blocks) {
    for (void* const block : blocks) {
        mp_free(block);
    }
}

struct Pass {
    double microseconds = 0;
    std::uint32_t calls = 0;
    std::size_t bytes = 0;
};

Pass measure_pass() {
    const std::uint32_t calls = mp::os::kernel_calls_of_this_thread();
    const auto begin = std::chrono::steady_clock::now();
    Pass pass;
    pass.bytes = mp_give_back(kDelay);
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    pass.microseconds = time.count();
    pass.calls = mp::os::kernel_calls_of_this_thread() - calls;
    return pass;
}

/// `prepare` before each of the rounds; the line has the median and the worst of them.
template <typename Prepare>
void report(const char* what, Prepare prepare) {
    std::array<Pass, kRounds> passes;
    for (Pass& pass : passes) {
        prepare();
        pass = measure_pass();
    }
    std::ranges::sort(passes, {}, &Pass::microseconds);
    const Pass& middle = passes[kRounds / 2];
    std::printf("| %s | %zu | %u | %.1f | %.1f |\n", what, middle.bytes / kMegabyte, unsigned{middle.calls},
                middle.microseconds, passes.back().microseconds);
}

/// Makes and frees blocks of `size`, so that what is free is what stays however old it is, and `beyond` bytes more.
void free_beyond_what_stays(std::size_t size, std::size_t beyond) {
    free_all(make(size, 400 * kMegabyte));
    g_now_ms += 2 * kDelay;
    mp_give_back(kDelay);
    mp_alloc_stats now{};
    mp_stats(&now);
    free_all(make(size, static_cast<std::size_t>(now.free_bytes) + beyond));
}

/// Half of what is made in blocks of `size`: every second one.
Blocks make_with_gaps(std::size_t size, std::size_t bytes) {
    const Blocks all = make(size, 2 * bytes);
    Blocks kept;
    Blocks others;
    for (std::size_t i = 0; i < all.size(); ++i) {
        (i % 2 == 0 ? kept : others).push_back(all[i]);
    }
    free_all(others);
    return kept;
}

}  // namespace

int main() {
    constexpr std::size_t kDue = 64 * kMegabyte;
    constexpr std::size_t kInUse = 300 * kMegabyte;
    constexpr std::size_t kPiece = kMegabyte / 4;
    mp_set_clock([] { return g_now_ms; });
    std::printf("| pass | MB given back | kernel calls | median, us | worst, us |\n|---|---|---|---|---|\n");
    const Blocks in_use = make(kPiece, kInUse);
    free_beyond_what_stays(kMegabyte, 0);
    report("nothing is free beyond what stays", [] { g_now_ms += 2 * kDelay; });
    report("64 MB beyond it are free, but not for long enough", [] {
        free_beyond_what_stays(kMegabyte, kDue);
        g_now_ms += kDelay / 2;
    });
    report("64 MB are due, in few long pieces", [] {
        free_beyond_what_stays(kMegabyte, kDue);
        g_now_ms += 2 * kDelay;
    });
    free_all(in_use);
    mp_trim(0);
    const Blocks with_gaps = make_with_gaps(kPiece, kInUse);
    report("64 MB are due, most in pieces of 256 KB", [] {
        free_beyond_what_stays(kPiece, kDue);
        g_now_ms += 2 * kDelay;
    });
    free_all(with_gaps);
    return 0;
}
