// The state of each page of the address space, as the kernel memory calls of a process tell it one after the other, and
// the sums over all pages. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mp::meter {

struct AddressSpace {
    std::uint64_t committed = 0;  ///< bytes with memory behind them
    std::uint64_t reserved = 0;   ///< bytes of address space, committed or not
    friend bool operator==(const AddressSpace&, const AddressSpace&) = default;
};

enum class Owner : std::uint8_t { measured, harness };

/// Addresses and sizes are those that a successful call returned. 1 MB, meant for static storage.
class PageMap {
public:
    /// What is reserved for the harness counts neither now nor when it is committed, by whomever.
    void reserve(std::uintptr_t base, std::size_t size, Owner owner);
    /// A page that was committed already does not count again. One that was never seen reserved counts as both.
    void commit(std::uintptr_t base, std::size_t size);
    void decommit(std::uintptr_t base, std::size_t size);
    void release(std::uintptr_t base, std::size_t size);

    [[nodiscard]] AddressSpace now() const { return in_bytes(committed_, reserved_); }
    /// The largest value of each sum since `begin_peak`.
    [[nodiscard]] AddressSpace peak() const { return in_bytes(peak_committed_, peak_reserved_); }
    void begin_peak();

private:
    enum class State : std::uint8_t { free, reserved, committed, harness };
    static constexpr unsigned kPageBits = 12;
    static constexpr std::size_t kPages = std::size_t{1} << (32 - kPageBits);

    static AddressSpace in_bytes(std::uint32_t committed, std::uint32_t reserved) {
        return {std::uint64_t{committed} << kPageBits, std::uint64_t{reserved} << kPageBits};
    }
    template <typename Change>
    void change(std::uintptr_t base, std::size_t size, Change change);

    std::array<State, kPages> pages_{};
    std::uint32_t committed_ = 0;  ///< pages, like the next three
    std::uint32_t reserved_ = 0;
    std::uint32_t peak_committed_ = 0;
    std::uint32_t peak_reserved_ = 0;
};

}  // namespace mp::meter
