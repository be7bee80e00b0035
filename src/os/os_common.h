// What both implementations of os.h share: the fault hook and the rounding. Private to src/os.
#pragma once

#include "os/os.h"

#include <atomic>

namespace mp::os::detail {

struct HookState {
    std::atomic<FaultHook> hook{nullptr};
    std::atomic<void*> context{nullptr};
};
inline constinit HookState g_hook;

inline constinit std::atomic<bool> g_process_ends{false};

/// True when the test's hook wants this call to fail.
inline bool must_fail(Call call) noexcept {
    const FaultHook hook = g_hook.hook.load(std::memory_order_acquire);
    return hook != nullptr && hook(call, g_hook.context.load(std::memory_order_relaxed));
}

constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
    return (value + unit - 1) & ~(unit - 1);
}

}  // namespace mp::os::detail
