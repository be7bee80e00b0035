// Calls of another DLL's imports that fail when it is their turn.
#pragma once

#include <cstdint>
#include <span>

namespace mp::tests::refused_calls {

/// A call that can fail: the import's name, and what is to stand in its place.
struct Call {
    const char* name;
    std::uintptr_t replacement;
};
std::span<const Call> calls() noexcept;

/// The call number `call` from now on fails (0: none does), and all after it unless `once`. Any thread calls.
void start(unsigned call, bool once) noexcept;

/// Writes "calls N, refused NAME": of the first one that was refused, "nothing" without.
void write(const char* path);

}  // namespace mp::tests::refused_calls
