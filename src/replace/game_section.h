// A critical section of the game's, taken the way the game takes it: through its own import slots.
#pragma once

#include "game/call.h"
#include "game/layouts.h"
#include "game/sites.h"
#include "os/compiler.h"

namespace mp::replace {

class GameSection {
public:
    explicit GameSection(game::CriticalSection32& section) noexcept : section_(&section) {
        call(game::import_slot::kEnterCriticalSection);
    }
    ~GameSection() { call(game::import_slot::kLeaveCriticalSection); }
    GameSection(const GameSection&) = delete;
    GameSection& operator=(const GameSection&) = delete;

private:
    void call(game::Addr slot) noexcept {
        using Function = void(MP_STDCALL*)(void*);
        (*game::at<Function>(slot))(section_);
    }
    game::CriticalSection32* section_;
};

}  // namespace mp::replace
