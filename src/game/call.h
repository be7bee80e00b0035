// Calls and objects of the game by addresses that are known only at run time. 32-bit x86 only: conventions are part of
// the contract. Functions with a known address have a name that is called (game/functions.h).
#pragma once

#include "game/sites.h"
#include "os/compiler.h"

namespace mp::game {

/// Calls a thiscall function, which a vtable holds; `self` travels in ECX.
template <typename Result, typename... Args>
Result call_this(Addr function, void* self, Args... args) {
    using Function = Result(MP_THISCALL*)(void*, Args...);
    return reinterpret_cast<Function>(static_cast<std::uintptr_t>(function))(self, args...);
}

/// The object at an address of the game's data.
template <typename T>
T* at(Addr address) {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

/// The 32-bit value of a pointer in the game's process.
inline Addr addr_of(const void* pointer) {
    return static_cast<Addr>(reinterpret_cast<std::uintptr_t>(pointer));
}

}  // namespace mp::game
