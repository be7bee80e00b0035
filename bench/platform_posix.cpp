#include "platform.h"

#include "app/random.h"
#include "os/os.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace mp::bench {
namespace {

constexpr std::uint64_t kGranule = os::kGranule;
constexpr std::uint64_t kPage = os::kPage;

std::uint64_t clock_ns(clockid_t id) {
    timespec time{};
    clock_gettime(id, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Reads a small file of /proc without the C library's buffers, which come from malloc.
void read_file(const char* path, char* text, std::size_t capacity) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = file >= 0 ? read(file, text, capacity - 1) : -1;
    text[got > 0 ? static_cast<std::size_t>(got) : 0] = '\0';
    if (file >= 0) {
        close(file);
    }
}

bool occupy(std::uint64_t address, std::uint64_t size) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* const wanted = reinterpret_cast<void*>(static_cast<std::uintptr_t>(address));
    void* const got = mmap(wanted, static_cast<std::size_t>(size), PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    return got != MAP_FAILED;
}

}  // namespace

void prepare_process() {
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

std::uint64_t thread_cpu_ns() {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}
std::uint64_t process_cpu_ns() {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}
std::uint64_t wall_ns() {
    return clock_ns(CLOCK_MONOTONIC);
}

Space space() {
    char text[128];
    read_file("/proc/self/statm", static_cast<char*>(text), sizeof text);
    unsigned long long size = 0;
    unsigned long long resident = 0;
    unsigned long long data = 0;
    std::sscanf(static_cast<const char*>(text), "%llu %llu %*u %*u %*u %llu", &size, &resident, &data);
    return {size * kPage, data * kPage, resident * kPage};
}

std::optional<std::uint64_t> peak_reserved() {
    char text[4096];
    read_file("/proc/self/status", static_cast<char*>(text), sizeof text);
    const char* const line = std::strstr(static_cast<const char*>(text), "VmPeak:");
    unsigned long long kilobytes = 0;
    if (line == nullptr || std::sscanf(line, "VmPeak: %llu", &kilobytes) != 1) {
        return std::nullopt;
    }
    return kilobytes * 1024;
}

std::uint64_t page_faults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_minflt);
}

bool limit_address_space(std::uint64_t extra) {
    const rlimit limit{static_cast<rlim_t>(std::min<std::uint64_t>(space().reserved + extra, 0xFFFFFFFF)),
                       RLIM_INFINITY};
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

// Walks up the address space: a hole, a stretch that is taken, and so on; when enough is free, all the rest is taken.
std::uint64_t shatter(std::uint32_t seed, std::uint64_t largest, std::uint64_t total) {
    app::Random random(seed);
    std::uint64_t left = 0;
    std::uint64_t hole = 0;
    for (std::uint64_t at = kGranule; at < 0xFFFF0000; at += kGranule) {
        if (hole == 0) {
            hole = std::min(largest, kGranule * random.between(8, static_cast<std::uint32_t>(largest / kGranule)));
            occupy(at, kGranule);
        } else if (left >= total) {
            occupy(at, kGranule);
        } else if (occupy(at, kGranule)) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr)
            munmap(reinterpret_cast<void*>(static_cast<std::uintptr_t>(at)), kGranule);
            left += kGranule;
            hole -= kGranule;
        } else {
            hole = 0;
        }
    }
    return left;
}

void* harness_pages(std::size_t size) {
    void* const pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (pages == MAP_FAILED) {
        std::fputs("no memory for the harness\n", stderr);
        std::_Exit(3);
    }
    return pages;
}

}  // namespace mp::bench
