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

/// A place in the thread's block; nullptr when the exe has none.
std::uint8_t* in_thread_block(std::uint32_t offset) {
    if (!in_image(game::data::kTlsIndex, sizeof(std::uint32_t)) || thread_blocks() == nullptr) {
        return nullptr;
    }
    const std::uint32_t index =
        *reinterpret_cast<const std::uint32_t*>(static_cast<std::uintptr_t>(game::data::kTlsIndex));
    const std::uintptr_t block = thread_blocks()[index];
    return block == 0 ? nullptr : reinterpret_cast<std::uint8_t*>(block + offset);
}

std::uint8_t* console_active() {
    return in_image(game::data::kConsoleActive, 1)
               ? reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(game::data::kConsoleActive))
               : nullptr;
}

}  // namespace

DefaultContextScope::DefaultContextScope()
    : slot_(reinterpret_cast<std::uint32_t*>(in_thread_block(game::kTlsContextOffset))) {
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

ConsoleLineScope::ConsoleLineScope() : places_{console_active(), in_thread_block(game::kTlsConsoleOffset)} {
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i] != nullptr) {
            old_[i] = *places_[i];
            *places_[i] = 1;
        }
    }
}

ConsoleLineScope::~ConsoleLineScope() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i] != nullptr) {
            *places_[i] = old_[i];
        }
    }
}

}  // namespace mp::host
