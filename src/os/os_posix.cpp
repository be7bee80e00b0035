// Windows' reserve/commit/decommit on mmap: a reservation is a private PROT_NONE mapping, a commit makes pages
// accessible, a decommit drops their contents and their access.
#include "os/os.h"
#include "os/os_common.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace mp::os {
namespace {

using detail::must_fail;
using detail::round_up;

constinit thread_local std::uint32_t t_kernel_calls = 0;

void count_kernel_call() noexcept {
    ++t_kernel_calls;
}

/// End of what a program may map: the last page of 32 bits belongs to nobody.
constexpr std::uint64_t kAddressSpaceEnd = sizeof(void*) == 4 ? 0xFFFFE000u : std::uint64_t{1} << 47;

constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

int to_native(Protection protection) noexcept {
    switch (protection) {
    case Protection::read:
        return PROT_READ;
    case Protection::read_write:
        return PROT_READ | PROT_WRITE;
    case Protection::execute_read:
        return PROT_READ | PROT_EXEC;
    case Protection::none:
        break;
    }
    return PROT_NONE;
}

// Maps `size` bytes at a granule boundary; the system itself only promises pages.
void* map_aligned(std::size_t size, int protection) noexcept {
    count_kernel_call();
    void* raw = mmap(nullptr, size + kGranule, protection, kPrivate, -1, 0);
    if (raw == MAP_FAILED) {
        return nullptr;
    }
    auto* const begin = static_cast<char*>(raw);
    const std::size_t misfit = reinterpret_cast<std::uintptr_t>(raw) & (kGranule - 1);
    const std::size_t lead = misfit == 0 ? 0 : kGranule - misfit;
    if (lead != 0) {
        munmap(begin, lead);
    }
    munmap(begin + lead + size, kGranule - lead);
    return begin + lead;
}

// --- /proc/self/maps -------------------------------------------------------------------------------------------------

struct Mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    int protection = PROT_NONE;
    std::uint64_t inode = 0;
};

// Reads the mapping table line by line through a small buffer, without a C runtime's heap.
class MapsReader {
public:
    MapsReader() noexcept : file_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
    ~MapsReader() {
        if (file_ >= 0) {
            close(file_);
        }
    }
    MapsReader(const MapsReader&) = delete;
    MapsReader& operator=(const MapsReader&) = delete;

    /// Line: begin-end rwxp offset major:minor inode name
    bool next(Mapping* out) noexcept {
        if (!peek()) {
            return false;
        }
        out->begin = static_cast<std::uintptr_t>(number(16));
        out->end = static_cast<std::uintptr_t>(number(16));
        out->protection = (get() == 'r' ? PROT_READ : 0);
        out->protection |= (get() == 'w' ? PROT_WRITE : 0);
        out->protection |= (get() == 'x' ? PROT_EXEC : 0);
        get();
        get();
        number(16);
        number(16);
        number(16);
        out->inode = number(10);
        while (peek() && get() != '\n') {}
        return true;
    }

private:
    bool peek() noexcept {
        if (position_ < filled_) {
            return true;
        }
        const ssize_t got = file_ < 0 ? 0 : read(file_, buffer_, sizeof(buffer_));
        position_ = 0;
        filled_ = got > 0 ? static_cast<std::size_t>(got) : 0;
        return filled_ > 0;
    }
    char get() noexcept { return peek() ? buffer_[position_++] : '\0'; }

    // Reads digits and the one character that ends them; a line end is left for the caller.
    std::uint64_t number(unsigned base) noexcept {
        std::uint64_t value = 0;
        while (peek()) {
            const char c = buffer_[position_];
            if (c == '\n') {
                return value;
            }
            ++position_;
            if (c >= '0' && c <= '9') {
                value = value * base + static_cast<unsigned>(c - '0');
            } else if (base == 16 && c >= 'a' && c <= 'f') {
                value = value * base + static_cast<unsigned>(c - 'a' + 10);
            } else {
                break;
            }
        }
        return value;
    }

    int file_;
    std::size_t position_ = 0;
    std::size_t filled_ = 0;
    char buffer_[4096];
};

void describe(const Mapping& mapping, RegionInfo* out) noexcept {
    out->state = mapping.protection == PROT_NONE ? PageState::reserved : PageState::committed;
    out->base = mapping.begin;
    out->size = mapping.end - mapping.begin;
    out->image = mapping.inode != 0;
    out->executable = (mapping.protection & PROT_EXEC) != 0;
    out->readable = (mapping.protection & PROT_READ) != 0;
    out->writable = (mapping.protection & PROT_WRITE) != 0;
}

int current_protection(const void* address) noexcept {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    MapsReader reader;
    for (Mapping mapping; reader.next(&mapping);) {
        if (wanted >= mapping.begin && wanted < mapping.end) {
            return mapping.protection;
        }
    }
    return -1;
}

}  // namespace

void* reserve(std::size_t size) noexcept {
    const std::size_t rounded = round_up(size, kGranule);
    if (rounded < size || rounded + kGranule < rounded || must_fail(Call::reserve)) {
        return nullptr;
    }
    return map_aligned(rounded, PROT_NONE);
}

void* reserve_at(void* address, std::size_t size) noexcept {
    const std::size_t rounded = round_up(size, kGranule);
    if (rounded < size || must_fail(Call::reserve)) {
        return nullptr;
    }
    count_kernel_call();
    void* got = mmap(address, rounded, PROT_NONE, kPrivate | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        return nullptr;
    }
    if (got != address) {  // a kernel older than MAP_FIXED_NOREPLACE takes the address as a hint
        munmap(got, rounded);
        return nullptr;
    }
    return got;
}

void* reserve_commit(std::size_t size) noexcept {
    const std::size_t rounded = round_up(size, kGranule);
    if (rounded < size || rounded + kGranule < rounded || must_fail(Call::reserve) || must_fail(Call::commit)) {
        return nullptr;
    }
    return map_aligned(rounded, PROT_READ | PROT_WRITE);
}

bool commit(void* address, std::size_t size) noexcept {
    if (must_fail(Call::commit)) {
        return false;
    }
    count_kernel_call();
    return mprotect(address, size, PROT_READ | PROT_WRITE) == 0;
}

bool decommit(void* address, std::size_t size) noexcept {
    if (must_fail(Call::decommit)) {
        return false;
    }
    count_kernel_call();
    return madvise(address, size, MADV_DONTNEED) == 0 && mprotect(address, size, PROT_NONE) == 0;
}

bool release(void* address, std::size_t size) noexcept {
    if (must_fail(Call::release)) {
        return false;
    }
    count_kernel_call();
    return munmap(address, round_up(size, kGranule)) == 0;
}

// The kernel keeps no reservations: the allocation base is the first address of the adjoining mappings that hold
// `address`, of the same file for a module.
bool query(const void* address, RegionInfo* out) noexcept {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    *out = {};
    Mapping before;
    std::uintptr_t run_begin = 0;
    MapsReader reader;
    for (Mapping mapping; reader.next(&mapping); before = mapping) {
        if (mapping.begin != before.end || mapping.inode != before.inode) {
            run_begin = mapping.begin;
        }
        if (wanted < mapping.begin) {
            out->base = before.end;
            out->size = mapping.begin - before.end;
            return true;
        }
        if (wanted < mapping.end) {
            describe(mapping, out);
            out->allocation_base = run_begin;
            return true;
        }
    }
    if (before.end == 0 || wanted >= kAddressSpaceEnd) {
        return false;
    }
    out->base = before.end;
    out->size = static_cast<std::size_t>(kAddressSpaceEnd - before.end);
    return true;
}

std::uint32_t tick_ms() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint32_t>(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
}

bool page_map_overstates() noexcept {
    return false;
}

bool measure_address_space(AddressSpace* out) noexcept {
    *out = {};
    std::uint64_t before = kGranule;
    const auto add_hole = [&](std::uint64_t end) { out->add_hole(end > before ? end - before : 0); };
    MapsReader reader;
    for (Mapping mapping; reader.next(&mapping); before = mapping.end) {
        add_hole(std::min<std::uint64_t>(mapping.begin, kAddressSpaceEnd));
        const std::uint64_t size = mapping.end - mapping.begin;
        out->reserved += size;
        out->committed += mapping.protection != PROT_NONE ? size : 0;
    }
    add_hole(kAddressSpaceEnd);
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        out->free =
            std::min<std::uint64_t>(out->free, limit.rlim_cur > out->reserved ? limit.rlim_cur - out->reserved : 0);
        out->largest = std::min(out->largest, out->free);
        out->second = std::min(out->second, out->free - out->largest);
    }
    return out->reserved != 0;
}

bool protect(void* address, std::size_t size, Protection protection, OldProtection* old) noexcept {
    const int before = current_protection(address);
    if (before < 0 || must_fail(Call::protect) || mprotect(address, size, to_native(protection)) != 0) {
        return false;
    }
    if (old != nullptr) {
        *old = static_cast<OldProtection>(before);
    }
    return true;
}

void prepare_restore_protection() noexcept {}

bool restore_protection(void* address, std::size_t size, OldProtection old) noexcept {
    return !must_fail(Call::protect) && mprotect(address, size, static_cast<int>(old)) == 0;
}

void flush_instruction_cache(const void* address, std::size_t size) noexcept {
    if (must_fail(Call::flush)) {
        return;
    }
    auto* const begin = const_cast<char*>(static_cast<const char*>(address));
    __builtin___clear_cache(begin, begin + size);
}

std::uint32_t kernel_calls_of_this_thread() noexcept {
    return t_kernel_calls;
}

std::uint32_t current_thread_id() noexcept {
    return static_cast<std::uint32_t>(syscall(SYS_gettid));
}

void yield_thread() noexcept {
    sched_yield();
}

void sleep_ms(std::uint32_t milliseconds) noexcept {
    timespec time{};
    time.tv_sec = static_cast<time_t>(milliseconds / 1000);
    time.tv_nsec = static_cast<long>(milliseconds % 1000) * 1000000L;
    nanosleep(&time, nullptr);
}

// A yielding spin lock: enough for tests, and free of any set-up.
bool ColdLock::take() noexcept {
    return std::atomic_ref(word_).exchange(this, std::memory_order_acquire) == nullptr;
}

void ColdLock::wait() noexcept {
    while (!take()) {
        yield_thread();
    }
}

void ColdLock::give() noexcept {
    std::atomic_ref(word_).store(nullptr, std::memory_order_release);
}

void note_process_end() noexcept {
    detail::g_process_ends.store(true);
}

bool process_ends() noexcept {
    return detail::g_process_ends.load(std::memory_order_relaxed);
}

void set_fault_hook(FaultHook hook, void* context) noexcept {
    detail::g_hook.context.store(context, std::memory_order_relaxed);
    detail::g_hook.hook.store(hook, std::memory_order_release);
}

}  // namespace mp::os
