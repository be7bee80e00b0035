// Calls of another DLL's imports that fail when it is their turn.
#pragma once

#include <cstdint>

namespace mp::tests::refused_calls {

/// Shows each call that can fail: the import's name, and what is to stand in its place.
template <typename Take>
void each(Take take);

/// The call number `call` from now on fails (0: none does), and all after it unless `once`. Any thread calls.
void start(unsigned call, bool once) noexcept;

/// Writes "calls N, refused NAME": of the first one that was refused, "nothing" without.
void write(const char* path);

struct Call {
    const char* name;
    std::uintptr_t replacement;
};
extern const Call* const kCalls;
extern const unsigned kCallCount;

template <typename Take>
void each(Take take) {
    for (unsigned i = 0; i < kCallCount; ++i) {
        take(kCalls[i].name, kCalls[i].replacement);
    }
}

}  // namespace mp::tests::refused_calls
