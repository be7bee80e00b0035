// The memory context of the calling thread, in the game's thread-local block.
#pragma once

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

}  // namespace mp::host
