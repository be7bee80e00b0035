// The only door to the operating system. Two implementations: os_win32.cpp and os_posix.cpp. Every function is safe to
// call from any thread and under the loader lock unless it says otherwise; none throws, none allocates from a C runtime
// unless it says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::os {

/// Allocation granularity of address space: reservations start at multiples of it on every supported system.
inline constexpr std::size_t kGranule = std::size_t{64} * 1024;
inline constexpr std::size_t kPage = 4096;

// --- virtual memory ------------------------------------------------------------------------------------------------

/// Reserves `size` bytes of address space (rounded up to granules), anywhere, aligned to kGranule. nullptr on failure.
void* reserve(std::size_t size) noexcept;
/// Reserves exactly at `address` (granule aligned). nullptr when any part of it is taken.
void* reserve_at(void* address, std::size_t size) noexcept;
/// Reserves and commits in one kernel call.
void* reserve_commit(std::size_t size) noexcept;
/// Commits pages inside a reservation, read-write; zero-filled when they were not committed before, untouched when they
/// were. False on failure, with nothing changed.
bool commit(void* address, std::size_t size) noexcept;
/// Gives the pages back, keeps the address space.
bool decommit(void* address, std::size_t size) noexcept;
/// Ends a reservation. `address` and `size` are those of the reservation.
bool release(void* address, std::size_t size) noexcept;

enum class PageState : std::uint8_t { free, reserved, committed };
struct RegionInfo {
    PageState state = PageState::free;
    std::uintptr_t base = 0;             ///< first address of the run of equal pages
    std::size_t size = 0;                ///< bytes of the run, from `base`
    std::uintptr_t allocation_base = 0;  ///< start of the reservation, 0 when free
    bool image = false;                  ///< part of a loaded module
    bool executable = false;
    bool readable = false;
    bool writable = false;  ///< copy-on-write included
};
/// Describes the run of equal pages that holds `address`. False beyond the address space.
bool query(const void* address, RegionInfo* out) noexcept;

/// Bytes of address space.
struct AddressSpace {
    std::uint64_t free = 0;       ///< can still be reserved
    std::uint64_t largest = 0;    ///< longest stretch of that
    std::uint64_t second = 0;     ///< the longest but one
    std::uint64_t reserved = 0;   ///< everything else, committed memory included
    std::uint64_t committed = 0;  ///< or mapped

    void add_hole(std::uint64_t size) noexcept {
        free += size;
        second = size > largest ? largest : size > second ? size : second;
        largest = size > largest ? size : largest;
    }
};
/// True below Wine, whose page map shows stretches as reserved that can still be allocated: what is free is more than
/// it tells. Asks nobody: the answer is there once this module's static initialisers have run, false before.
bool page_map_overstates() noexcept;

/// Looks at the whole address space: takes up to milliseconds. False when the system does not tell.
bool measure_address_space(AddressSpace* out) noexcept;

/// Milliseconds since some moment before the process; wraps after 49 days. No kernel call.
std::uint32_t tick_ms() noexcept;

enum class Protection : std::uint32_t { none, read, read_write, execute_read };
/// Opaque value of the system's former protection, for `restore_protection`.
using OldProtection = std::uint32_t;
/// Changes the protection of whole pages. Never makes a page writable and executable at once.
bool protect(void* address, std::size_t size, Protection protection, OldProtection* old) noexcept;
bool restore_protection(void* address, std::size_t size, OldProtection old) noexcept;
/// Finds the system's second entry for `restore_protection`, which it takes when the first one refuses. Takes the
/// loader's lock: with no lock of ours held, and before other threads are suspended.
void prepare_restore_protection() noexcept;
void flush_instruction_cache(const void* address, std::size_t size) noexcept;

/// Kernel memory calls (reserve*, commit, decommit, release) the calling thread has made through this file so far; a
/// plain thread-local counter. A call refused by the fault hook does not count.
std::uint32_t kernel_calls_of_this_thread() noexcept;

// --- threads -------------------------------------------------------------------------------------------------------

std::uint32_t current_thread_id() noexcept;
void yield_thread() noexcept;
void sleep_ms(std::uint32_t milliseconds) noexcept;

/// The process ends: the caller is its only thread from now on. The system has ended the others wherever they stood,
/// perhaps inside a lock, so no lock waits any more. Before anything else at the end; any number of times.
void note_process_end() noexcept;
bool process_ends() noexcept;

/// The lock of all cold paths: never held while the game, the loader or a logger is called. Zero-initialised =
/// unlocked, no destructor. Once the process ends it lets everybody in; who finds it not intact does without what it
/// guards.
class ColdLock {
public:
    void lock() noexcept {
        if (!process_ends()) {
            wait();
        }
    }
    /// False, at once, when the lock is taken, or was when the process began to end.
    [[nodiscard]] bool try_lock() noexcept { return process_ends() ? intact() : take(); }
    void unlock() noexcept {
        if (!process_ends()) {
            give();
        }
    }
    /// False, once the process ends, when a thread that was ended held the lock: what it guards may be half changed.
    [[nodiscard]] bool intact() noexcept {
        if (process_ends() && !was_free_) {
            was_free_ = take();
        }
        return !process_ends() || was_free_;
    }

private:
    void wait() noexcept;
    bool take() noexcept;
    void give() noexcept;

    void* word_ = nullptr;
    bool was_free_ = false;  ///< when the process began to end
};

class ColdLockGuard {
public:
    explicit ColdLockGuard(ColdLock& lock) noexcept : lock_(lock) { lock_.lock(); }
    ~ColdLockGuard() { lock_.unlock(); }
    ColdLockGuard(const ColdLockGuard&) = delete;
    ColdLockGuard& operator=(const ColdLockGuard&) = delete;

private:
    ColdLock& lock_;
};

// --- fault injection -----------------------------------------------------------------------------------------------

/// Tests only: called before each kernel call of the kinds below; returning true makes that call fail. nullptr = off.
/// `suspend` is asked for every thread that is to be suspended, and `flush` for code that has just been written, while
/// others stand still: no allocation, no lock. Nobody is told whether a flush failed.
enum class Call : std::uint8_t { reserve, commit, decommit, release, protect, suspend, flush, create_file, write_file };
using FaultHook = bool (*)(Call call, void* context);
void set_fault_hook(FaultHook hook, void* context) noexcept;

}  // namespace mp::os
