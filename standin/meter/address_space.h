// What a process occupies of its address space. All functions are slow and belong outside timed parts; the calls they
// make themselves are not counted by the kernel meter.
#pragma once

#include <cstdint>

namespace mp::meter {

struct AddressSpace {
    std::uint64_t committed = 0;  ///< private bytes with memory behind them
    std::uint64_t reserved = 0;   ///< private bytes of address space, committed or not
};

/// Walks the address space. Wine reports large stretches as reserved that can still be allocated: only differences
/// between two walks mean anything.
AddressSpace measure();

/// Size of the largest free stretch, found by trying to reserve it; a multiple of 64 KB.
std::uint64_t largest_hole();

}  // namespace mp::meter
