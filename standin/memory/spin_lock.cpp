// The engine's reentrant spin lock and its formatter.
#include <cstdarg>
#include <cstdio>

#include "engine.h"

using mp::game::SpinLock;
using namespace mp::standin;

namespace {
constexpr std::uint32_t kYieldingTries = 10'000;

bool try_own(SpinLock& lock, std::uint32_t thread) {
    std::uint32_t expected = 0;
    return __atomic_compare_exchange_n(&lock.owner_thread, &expected, thread, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}
}  // namespace

extern "C" {

// Engine contract B.4: reentrant; no busy spinning without Sleep.
void eng_0040FBF0(SpinLock* self, const char* /*label*/) {
    const std::uint32_t thread = sys::current_thread();
    if (__atomic_load_n(&self->owner_thread, __ATOMIC_RELAXED) == thread) {
        ++self->depth;
        return;
    }
    for (std::uint32_t tries = 0; !try_own(*self, thread); ++tries) {
        sys::sleep(tries < kYieldingTries ? 0 : 1);
    }
    self->depth = 1;
}

// Engine contract B.4: the release is a plain store.
void eng_0040FBA0(SpinLock* self) {
    release_inline(*self);
}

// The engine's formatting helper (B.6): the C runtime's bounded sprintf.
int eng_00406D00(char* buffer, std::uint32_t capacity, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int written = _vsnprintf(buffer, capacity - 1, format, arguments);
    va_end(arguments);
    buffer[capacity - 1] = '\0';
    return written;
}

}  // extern "C"
