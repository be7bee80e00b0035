#include "patch/image.h"

#include "os/os.h"
#include "os/process.h"

namespace mp::patch {
namespace {

const std::uint8_t* pointer_to(game::Addr va) noexcept {
    return reinterpret_cast<const std::uint8_t*>(static_cast<std::uintptr_t>(va));
}

}  // namespace

const std::uint8_t* ProcessImage::at(game::Addr va, std::size_t size) const noexcept {
    const std::uintptr_t end = static_cast<std::uintptr_t>(va) + size;
    if (va == 0 || end < va) {
        return nullptr;
    }
    for (std::uintptr_t next = va; next < end;) {
        os::RegionInfo region;
        if (!os::query(reinterpret_cast<const void*>(next), &region) || region.state != os::PageState::committed ||
            !region.readable || region.base + region.size <= next) {
            return nullptr;
        }
        next = region.base + region.size;
    }
    return pointer_to(va);
}

void ProcessImage::owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept {
    os::module_name_at(pointer_to(va), name, capacity);
}

}  // namespace mp::patch
