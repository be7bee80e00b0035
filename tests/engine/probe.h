// Calls a function of the engine at its address and measures what it does to the stack and to the registers that it
// must keep. One thread.
#pragma once

#include "game/addresses.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <vector>

namespace mp::standin::test {

struct ProbeCall {
    std::uint32_t function;
    std::uint32_t self;  ///< goes into ECX
    const std::uint32_t* arguments;
    std::uint32_t count;
    std::uint32_t result;  ///< EAX
    std::int32_t popped;   ///< bytes that the call removed from the stack
    std::uint32_t kept;    ///< 1 when EBX, ESI, EDI and EBP came back as they were
};

extern "C" void probe_call(ProbeCall* call);

/// What was seen of each function that was called.
struct Seen {
    std::int32_t popped = 0;
    bool registers_kept = true;  ///< and the chain of exception frames
    bool same_each_time = true;
    unsigned calls = 0;
};

class Probe {
public:
    template <typename... Args>
    std::uint32_t operator()(game::Addr function, const void* self, Args... args) {
        return call(function, self, {word(args)...});
    }
    [[nodiscard]] const std::map<game::Addr, Seen>& seen() const { return seen_; }

private:
    template <typename T>
    static std::uint32_t word(T* pointer) {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(pointer));
    }
    static std::uint32_t word(std::uint32_t value) { return value; }
    static std::uint32_t word(int value) { return static_cast<std::uint32_t>(value); }

    std::uint32_t call(game::Addr function, const void* self, std::initializer_list<std::uint32_t> words);

    std::map<game::Addr, Seen> seen_;
};

/// Calls every function of the image that can be called in a running game, with arguments that make it do its work.
void tour_of_all_functions(Probe& probe);

}  // namespace mp::standin::test
