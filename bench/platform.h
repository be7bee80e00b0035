// Clocks and counters of the process, and memory for the harness itself that no side under measurement can see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <utility>

namespace mp::bench {

/// Once, first of all: no huge pages behind the program's back, Windows has none.
void prepare_process();

/// CPU time of the calling thread, ns; false in `kHasThreadClock` where the system has no usable one.
std::uint64_t thread_cpu_ns();
/// CPU time of the whole process, ns; may advance in steps of 10 ms.
std::uint64_t process_cpu_ns();
std::uint64_t wall_ns();
#ifdef _WIN32
inline constexpr bool kHasThreadClock = false;
#else
inline constexpr bool kHasThreadClock = true;
#endif

struct Space {
    std::uint64_t reserved = 0;   ///< address space in use
    std::uint64_t committed = 0;  ///< of that, private and writable
    std::uint64_t resident = 0;   ///< of that, with a page behind it; 0 where not known
};
Space space();
/// Highest `reserved` so far, also between two samples; nothing where the system does not record it.
std::optional<std::uint64_t> peak_reserved();
/// Page faults of the process that needed no disk.
std::uint64_t page_faults();

/// The process can take no more than `extra` bytes of address space beyond what it has. False when refused.
bool limit_address_space(std::uint64_t extra);
/// Cuts the free address space into holes of at most `largest` bytes, `total` bytes in all. Bytes left free.
std::uint64_t shatter(std::uint32_t seed, std::uint64_t largest, std::uint64_t total);

/// Whole pages from the system, all touched; ends the program when there are none.
void* harness_pages(std::size_t size);

/// A vector of fixed capacity in the harness's own pages.
template <typename T>
class Array {
public:
    Array() = default;
    explicit Array(std::size_t capacity)
        : data_(capacity != 0 ? static_cast<T*>(harness_pages(capacity * sizeof(T))) : nullptr), capacity_(capacity) {}

    /// Ignores what does not fit: the caller has sized the array.
    bool push(const T& value) {
        if (size_ == capacity_) {
            return false;
        }
        ::new (static_cast<void*>(data_ + size_++)) T(value);
        return true;
    }
    T pop() { return data_[--size_]; }
    void clear() { size_ = 0; }
    T& operator[](std::size_t at) { return data_[at]; }
    const T& operator[](std::size_t at) const { return data_[at]; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] bool is_empty() const { return size_ == 0; }
    [[nodiscard]] bool is_full() const { return size_ == capacity_; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

template <typename T>
void shuffle(Array<T>& items, auto& random) {
    for (std::size_t i = items.size(); i > 1; --i) {
        std::swap(items[i - 1], items[random.below(static_cast<std::uint32_t>(i))]);
    }
}

}  // namespace mp::bench
