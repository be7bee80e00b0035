#include "app/address_limit.h"

#include "meter/kernel_meter.h"

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
std::vector<Piece> take_everything() {
    std::vector<Piece> pieces;
    pieces.reserve(kMostPieces);  // nothing can be had once the space is full
    for (std::uint32_t step = kLargestStep; step >= kSmallestStep; step /= 2) {
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

}  // namespace

std::uint64_t limit_address_space(std::uint64_t bytes) {
    const meter::OwnMemory own;
    const std::uint64_t used = meter::memory_now().reserved;
    const std::uint64_t keep = bytes > used ? bytes - used : 0;
    std::uint64_t free = 0;
    for (const Piece& piece : take_everything()) {
        if (free + piece.size <= keep) {
            VirtualFree(piece.base, 0, MEM_RELEASE);
            free += piece.size;
        }
    }
    return free;
}

}  // namespace mp::app
