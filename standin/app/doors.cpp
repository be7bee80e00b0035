#include "app/doors.h"

#include "app/clock.h"
#include "app/engine_calls.h"

#include <algorithm>
#include <atomic>
#include <windows.h>

namespace mp::app {
namespace {

constexpr std::uint32_t kSize = 64;
constexpr std::uint32_t kPairsAlone = 1'000'000;
constexpr std::uint32_t kPairsTogether = 250'000;  ///< of each thread
constexpr std::uint32_t kMostThreads = 4;

/// One thread's share. The threads start together.
struct Share {
    std::atomic<std::uint32_t>* waiting = nullptr;
    std::uint32_t threads = 0;
    std::uint32_t pairs = 0;
    std::uint32_t seed = 0;
    double nanoseconds = 0;
    std::uint32_t errors = 0;
};

/// One pair: the owner writes its word and finds it again.
bool play_pair(std::uint32_t word) {
    void* block = fn::kOperatorNew(kSize);
    if (block == nullptr) {
        return false;
    }
    auto* const first = static_cast<volatile std::uint32_t*>(block);
    *first = word;
    const std::uint32_t found = *first;
    fn::kOperatorDelete(block);
    return found == word;
}

void play(Share& share, std::uint32_t pairs) {
    for (std::uint32_t i = 0; i < pairs; ++i) {
        share.errors += play_pair(share.seed + i) ? 0 : 1;
    }
}

DWORD WINAPI run_share(void* parameter) {
    Share& share = *static_cast<Share*>(parameter);
    play(share, share.pairs / 10 + 1);  // unmeasured
    share.waiting->fetch_sub(1);
    while (share.waiting->load() != 0) {
        Sleep(0);
    }
    const Stopwatch watch;
    play(share, share.pairs);
    share.nanoseconds = watch.nanoseconds();
    return 0;
}

DoorResult measure(std::uint32_t threads, std::uint32_t pairs) {
    std::atomic<std::uint32_t> waiting{threads};
    Share shares[kMostThreads];
    HANDLE handles[kMostThreads] = {};
    for (std::uint32_t i = 0; i < threads; ++i) {
        shares[i] = {.waiting = &waiting, .threads = threads, .pairs = pairs, .seed = i * 0x01000193U};
        handles[i] = CreateThread(nullptr, 0, &run_share, &shares[i], 0, nullptr);
    }
    DoorResult result{kSize, threads, std::uint64_t{pairs} * threads, 0, 0};
    for (std::uint32_t i = 0; i < threads; ++i) {
        WaitForSingleObject(handles[i], INFINITE);
        CloseHandle(handles[i]);
        result.ns_per_pair += shares[i].nanoseconds / pairs / threads;
        result.errors += shares[i].errors;
    }
    return result;
}

}  // namespace

std::vector<DoorResult> measure_doors(std::uint32_t scale_percent) {
    const auto scaled = [scale_percent](std::uint64_t pairs) {
        return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, pairs * scale_percent / 100));
    };
    return {measure(1, scaled(kPairsAlone)), measure(kMostThreads, scaled(kPairsTogether))};
}

}  // namespace mp::app
