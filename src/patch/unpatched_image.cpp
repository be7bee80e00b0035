#include "patch/unpatched_image.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace mp::patch {

const std::uint8_t* UnpatchedImage::at(game::Addr va, std::size_t size) const noexcept {
    const std::uint8_t* bytes = image_.at(va, size);
    if (bytes == nullptr) {
        return nullptr;
    }
    const game::Addr end = va + static_cast<game::Addr>(size);
    bool copied = false;
    for (const Hook& hook : hooks_.all()) {
        const game::Addr begin_of_both = std::max(va, hook.va());
        const game::Addr end_of_both = std::min(end, hook.va() + hook.size);
        if (!hook.stands || begin_of_both >= end_of_both ||
            !bytes_stand(image_, hook.va(), hook.written.data(), hook.size)) {
            continue;
        }
        if (size > copy_.size()) {
            return nullptr;
        }
        if (!copied) {
            std::memcpy(copy_.data(), bytes, size);
            copied = true;
        }
        std::memcpy(copy_.data() + (begin_of_both - va), hook.former.data() + (begin_of_both - hook.va()),
                    end_of_both - begin_of_both);
    }
    return copied ? copy_.data() : bytes;
}

}  // namespace mp::patch
