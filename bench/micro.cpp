#include "micro.h"

#include "app/random.h"
#include "crew.h"
#include "os/os.h"
#include "side.h"

#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <vector>

namespace mp::bench {
namespace {

constexpr std::uint32_t kMostInBatch = 1000;
constexpr std::uint32_t kPageSize = 4096;

/// A batch is at most 8 MB.
std::uint32_t batch_of(std::uint32_t size) {
    return std::clamp((8U << 20) / size, 8U, kMostInBatch);
}

bool start_once() {
    static const bool kStarted = side_start() != 0;
    return kStarted;
}

void pair(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    side_thread_start();
    for (auto _ : state) {
        void* block = side_malloc(size);
        benchmark::DoNotOptimize(block);
        side_free(block);
    }
    side_thread_end();
}

// A whole batch an iteration; the caller divides by the counter.
void batch(benchmark::State& state) {
    const auto size = static_cast<std::uint32_t>(state.range(0));
    const std::uint32_t count = batch_of(size);
    std::array<void*, kMostInBatch> blocks{};
    side_thread_start();
    for (auto _ : state) {
        for (std::uint32_t i = 0; i < count; ++i) {
            blocks[i] = side_malloc(size);
        }
        benchmark::ClobberMemory();
        for (std::uint32_t i = 0; i < count; ++i) {
            side_free(blocks[i]);
        }
    }
    side_thread_end();
    state.counters["per_iteration"] = benchmark::Counter(count, benchmark::Counter::kAvgThreads);
}

std::vector<const void*> some_addresses() {
    std::vector<const void*> addresses(4096);
    app::Random random(1);
    for (const void*& address : addresses) {
        address = reinterpret_cast<const void*>(std::uintptr_t{random.next32()});
    }
    return addresses;
}

// One question an iteration, addresses all over the address space; range 0: a function that does nothing instead.
void owns(benchmark::State& state) {
    const std::vector<const void*> addresses = some_addresses();
    const bool asks = state.range(0) != 0;
    std::size_t next = 0;
    int yes = 0;
    side_thread_start();
    side_free(side_malloc(64));
    if (asks) {
        for (auto _ : state) {
            yes += side_owns(addresses[next++ % 4096]);
            benchmark::DoNotOptimize(yes);
        }
    } else {
        for (auto _ : state) {
            yes += answer_nothing(addresses[next++ % 4096]);
            benchmark::DoNotOptimize(yes);
        }
    }
}

// 16 MB committed in steps of `range` bytes, every page written; the caller divides by the pages.
void commit(benchmark::State& state) {
    constexpr std::size_t kWhole = std::size_t{16} << 20;
    const auto step = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        auto* const base = static_cast<char*>(os::reserve(kWhole));
        if (base == nullptr) {
            state.SkipWithError("no address space");
            break;
        }
        for (std::size_t at = 0; at < kWhole; at += step) {
            os::commit(base + at, step);
            for (std::size_t page = at; page < at + step; page += kPageSize) {
                base[page] = 1;
            }
        }
        benchmark::ClobberMemory();
        os::release(base, kWhole);
    }
    state.counters["per_iteration"] = static_cast<double>(kWhole) / kPageSize;
}

void register_all() {
    for (const std::int64_t size : {16, 64, 256, 1024, 4096, 65536, 1048576}) {
        if (static_cast<std::size_t>(size) <= side_largest()) {
            for (const int threads : {1, 2, 4, 8}) {
                benchmark::RegisterBenchmark("pair", pair)->Arg(size)->Threads(threads);
            }
            benchmark::RegisterBenchmark("batch", batch)->Arg(size);
        }
    }
    benchmark::RegisterBenchmark("owns", owns)->Arg(0)->Arg(1);
    for (const std::int64_t step : {4096, 65536, 262144, 1048576}) {
        benchmark::RegisterBenchmark("commit", commit)->Arg(step);
    }
}

void touch_first(void* block) {
    if (block != nullptr) {
        *static_cast<volatile char*>(block) = 1;
    }
}

}  // namespace

bool run_micro(int argc, char** argv) {
    if (!start_once()) {
        return false;
    }
    register_all();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return false;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return true;
}

bool run_pairs(PairMode mode, std::uint32_t size, std::uint32_t count) {
    if (!start_once()) {
        return false;
    }
    side_thread_start();
    std::array<void*, kMostInBatch> blocks{};
    const std::uint32_t at_once = mode == PairMode::batch ? batch_of(size) : 1;
    for (std::uint32_t i = 0; i < count; i += at_once) {
        for (std::uint32_t j = 0; j < at_once; ++j) {
            blocks[j] = mode != PairMode::empty ? side_malloc(size) : &blocks;
            benchmark::ClobberMemory();
        }
        for (std::uint32_t j = 0; mode != PairMode::empty && j < at_once; ++j) {
            side_free(blocks[j]);
        }
    }
    return true;
}

double measure_remote_pairs(std::uint32_t size, std::uint32_t threads, std::uint32_t rounds) {
    const std::uint32_t count = batch_of(size);
    std::vector<std::array<void*, kMostInBatch>> blocks(std::size_t{threads} * 2);
    Crew crew(threads);
    if (!start_once()) {
        return 0;
    }
    crew.run([](std::uint32_t) { side_thread_start(); });
    std::uint64_t spent = 0;
    for (std::uint32_t round = 0; round < rounds; ++round) {
        spent += crew.run([&](std::uint32_t thread) {
                         auto& old = blocks[(thread + 1) % threads + (round + 1) % 2 * threads];
                         auto& fresh = blocks[thread + round % 2 * threads];
                         for (std::uint32_t i = 0; i < count; ++i) {
                             if (old[i] != nullptr) {
                                 side_free(old[i]);
                                 old[i] = nullptr;
                             }
                             fresh[i] = side_malloc(size);
                             touch_first(fresh[i]);
                         }
                     })
                     .all_ns;
    }
    return static_cast<double>(spent) / (static_cast<double>(count) * threads * rounds);
}

double measure_fresh_pages(std::uint64_t bytes) {
    constexpr std::uint32_t kBlock = 1024;
    if (!start_once()) {
        return 0;
    }
    side_thread_start();
    const std::uint64_t start = process_cpu_ns();
    for (std::uint64_t taken = 0; taken < bytes; taken += kBlock) {
        void* const block = side_malloc(kBlock);
        if (block == nullptr) {
            return 0;
        }
        touch_first(block);
    }
    return static_cast<double>(process_cpu_ns() - start) * kPageSize / static_cast<double>(bytes);
}

}  // namespace mp::bench
