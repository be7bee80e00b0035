#include "patch/image.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "os/os.h"
#include "os/process.h"

namespace mp::patch {
namespace {

const std::uint8_t* pointer_to(game::Addr va) noexcept {
    return reinterpret_cast<const std::uint8_t*>(static_cast<std::uintptr_t>(va));
}

ModuleRange range_of(std::uintptr_t base, std::size_t size) noexcept {
    constexpr std::uintptr_t kLast = std::numeric_limits<game::Addr>::max();
    return {static_cast<game::Addr>(base), static_cast<game::Addr>(std::min(base + size, kLast))};
}

}  // namespace

bool bytes_stand(const Image& image, game::Addr va, const std::uint8_t* bytes, std::size_t size) noexcept {
    const std::uint8_t* now = image.at(va, size);
    return now != nullptr && std::memcmp(now, bytes, size) == 0;
}

const std::uint8_t* ProcessImage::at(game::Addr va, std::size_t size) const noexcept {
    const std::uintptr_t end = static_cast<std::uintptr_t>(va) + size;
    if (va == 0 || end < va || end > std::numeric_limits<game::Addr>::max()) {
        return nullptr;
    }
    std::uintptr_t next = va;
    while (next < end) {
        if (!readable_.contains(static_cast<game::Addr>(next))) {
            os::RegionInfo region;
            if (!os::query(reinterpret_cast<const void*>(next), &region) || region.state != os::PageState::committed ||
                !region.readable || region.base + region.size <= next) {
                return nullptr;
            }
            readable_ = range_of(region.base, region.size);
        }
        next = readable_.end;
    }
    return pointer_to(va);
}

ModuleRange ProcessImage::module_of(game::Addr va) const noexcept {
    if (module_.contains(va)) {
        return module_;
    }
    os::RegionInfo region;
    if (!os::query(pointer_to(va), &region) || region.allocation_base == 0) {
        return {};
    }
    const std::uintptr_t base = region.allocation_base;
    std::uintptr_t end = base;
    while (os::query(reinterpret_cast<const void*>(end), &region) && region.allocation_base == base &&
           region.base + region.size > end) {
        end = region.base + region.size;
    }
    module_ = range_of(base, end - base);
    return module_;
}

void ProcessImage::owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept {
    os::module_name_at(pointer_to(va), name, capacity);
}

}  // namespace mp::patch
