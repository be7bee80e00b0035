// The engine's functions by name: those of the game (game/functions.h), and those that only the stand-in knows. A call
// of one enters its address, so that a hook takes effect.
#pragma once

#include "game/functions.h"

namespace mp::standin {

struct IoThread;
struct PoolLink;
struct ThreadHeapMap;

/// How the image makes a function (map/bodies.inc).
enum class Kind : std::uint8_t { thiscall_, steps, cdecl_, stdcall_, jump };

/// Dwords that a function finds on the stack; 0 for a variable number of them.
template <typename Result, typename... Args>
consteval unsigned words_of(Result (*)(Args...)) {
    return sizeof...(Args);
}
template <typename Result, typename... Args>
consteval unsigned words_of(Result (*)(Args..., ...)) {
    return 0;
}

/// A function that only the image calls, or one with a variable number of arguments.
template <typename Function>
struct Plain {
    using Signature = Function;
    static constexpr unsigned kWords = words_of(static_cast<Function*>(nullptr));
    game::Addr va;

    operator Function*() const { return reinterpret_cast<Function*>(std::uintptr_t{va}); }
};

/// What the name of a function of that kind is.
template <Kind kind, typename Signature>
using Named = std::conditional_t<kind == Kind::thiscall_ || kind == Kind::steps, game::This<Signature>,
                                 std::conditional_t<kind == Kind::cdecl_, game::Cdecl<Signature>, Plain<Signature>>>;

/// Functions that only the stand-in knows. A name that the game's functions have too is ambiguous in `fn`.
namespace own {
using game::fn::u32;
#define MP_BODY(kind, va, name, ...)                                                                                   \
    __VA_OPT__(static_assert(game::find_site(0x##va) == nullptr);                                                      \
               inline constexpr Named<Kind::kind, __VA_ARGS__> name{0x##va};)
#include "map/bodies.inc"

// Without a body.
inline constexpr game::Cdecl<int()> kCrtMain{0x00ECC35D};
inline constexpr game::Cdecl<void(u32)> kSetMemoryContext{0x00404F30};
inline constexpr game::Cdecl<u32()> kGetMemoryContext{0x00404F50};
/// One step of the pool sort that the main loop makes each frame; holds the bytes `75 13` at 0x0086EED4 and the call of
/// Pools::SortOne at 0x0086EF0E. The entry is ours, the game's code is inline there.
inline constexpr game::Cdecl<void()> kFramePoolSort{0x0086EEC0};
}  // namespace own

namespace fn {
using namespace game::fn;
using namespace own;
}  // namespace fn

}  // namespace mp::standin
