#include "host/nvse/game_context.h"

#include "game/addresses.h"
#include "host/common/image.h"

#include <windows.h>

namespace mp::host {
namespace {

/// The thread's blocks of static thread-local storage: fs:[2C].
std::uintptr_t* thread_blocks() {
    std::uintptr_t* blocks = nullptr;
    asm("movl %%fs:0x2C, %0" : "=r"(blocks));
    return blocks;
}

std::uint32_t* context_slot() {
    if (!in_image(game::data::kTlsIndex, sizeof(std::uint32_t)) || thread_blocks() == nullptr) {
        return nullptr;
    }
    const std::uint32_t index =
        *reinterpret_cast<const std::uint32_t*>(static_cast<std::uintptr_t>(game::data::kTlsIndex));
    const std::uintptr_t block = thread_blocks()[index];
    return block == 0 ? nullptr : reinterpret_cast<std::uint32_t*>(block + game::kTlsContextOffset);
}

}  // namespace

DefaultContextScope::DefaultContextScope() : slot_(context_slot()) {
    if (slot_ != nullptr) {
        old_ = *slot_;
        *slot_ = game::kDefaultContext;
    }
}

DefaultContextScope::~DefaultContextScope() {
    if (slot_ != nullptr) {
        *slot_ = old_;
    }
}

}  // namespace mp::host
