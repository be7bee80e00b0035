#include "app/address_limit.h"

#include "meter/kernel_meter.h"

#include <limits>
#include <vector>
#include <windows.h>

namespace mp::app {
namespace {

constexpr std::uint32_t kLargestStep = 16U << 20;
constexpr std::uint32_t kSmallestStep = 64U << 10;
constexpr std::size_t kMostPieces = 16384;

struct Piece {
    void* base;
    std::uint32_t size;
};

/// Everything that can be reserved, in pieces of falling size. The system's own account of what is free cannot be
/// used: Wine reports stretches as taken that it still hands out.
std::vector<Piece> take_everything(std::uint32_t largest_step) {
    std::vector<Piece> pieces;
    pieces.reserve(kMostPieces);  // nothing can be had once the space is full
    for (std::uint32_t step = largest_step; step >= kSmallestStep; step /= 2) {
        while (pieces.size() < kMostPieces) {
            void* base = VirtualAlloc(nullptr, step, MEM_RESERVE, PAGE_NOACCESS);
            if (base == nullptr) {
                break;
            }
            pieces.push_back({base, step});
        }
    }
    return pieces;
}

/// The bytes that are free then. With `fence` the last ones of the piece stay taken, so that it is a hole of its own.
std::uint32_t give_back(const Piece& piece, bool fence) {
    VirtualFree(piece.base, 0, MEM_RELEASE);
    if (!fence) {
        return piece.size;
    }
    auto* const end = static_cast<std::uint8_t*>(piece.base) + piece.size;
    return VirtualAlloc(end - kSmallestStep, kSmallestStep, MEM_RESERVE, PAGE_NOACCESS) != nullptr
               ? piece.size - kSmallestStep
               : piece.size;
}

}  // namespace

std::uint64_t limit_address_space(std::uint64_t bytes, std::uint32_t largest_hole) {
    const meter::OwnMemory own;
    const std::uint64_t used = meter::memory_now().reserved;
    const std::uint64_t wanted = bytes != 0 ? bytes : std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t keep = wanted > used ? wanted - used : 0;
    std::uint64_t free = 0;
    for (const Piece& piece : take_everything(largest_hole != 0 ? largest_hole : kLargestStep)) {
        if (free + piece.size <= keep) {
            free += give_back(piece, largest_hole != 0);
        }
    }
    return free;
}

}  // namespace mp::app
