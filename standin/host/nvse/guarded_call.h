// Calls a plugin's Query or Load inside a structured exception frame, as the extender does: a fault becomes a result.
#pragma once

#include <cstdint>

namespace mp::host {

struct GuardedResult {
    bool faulted = false;
    bool value = false;          ///< AL of the callee, when it did not fault
    std::uint32_t code = 0;      ///< exception code
    std::uintptr_t address = 0;  ///< instruction that faulted
};

/// Calls `function(first, second)`, cdecl. The frame is a real one in the thread's chain, so frames of the callee come
/// first; when it takes an exception, inner frames are unwound.
GuardedResult guarded_call(const void* function, const void* first, void* second);

}  // namespace mp::host
