// What the game keeps for a thread in its thread-local block: the memory context, and whether the console runs.
#pragma once

#include <array>
#include <cstdint>

namespace mp::host {

/// Sets the default context for its lifetime: otherwise what plugins allocate while loading would come from the static
/// heap, which never gives memory back. Does nothing when the exe has no such block.
class DefaultContextScope {
public:
    DefaultContextScope();
    ~DefaultContextScope();
    DefaultContextScope(const DefaultContextScope&) = delete;
    DefaultContextScope& operator=(const DefaultContextScope&) = delete;

private:
    std::uint32_t* slot_ = nullptr;
    std::uint32_t old_ = 0;
};

/// Marks for its lifetime that the calling thread executes a line of the console, as the game does: commands print
/// their results only then.
class ConsoleLineScope {
public:
    ConsoleLineScope();
    ~ConsoleLineScope();
    ConsoleLineScope(const ConsoleLineScope&) = delete;
    ConsoleLineScope& operator=(const ConsoleLineScope&) = delete;

private:
    std::array<std::uint8_t*, 2> places_{};
    std::array<std::uint8_t, 2> old_{};
};

}  // namespace mp::host
