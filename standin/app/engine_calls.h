// The game's memory system as its own code calls it: fn::kAllocate and the like enter the game's addresses, so that
// whoever replaced a function is reached. Here is what has no name of its own there.
#pragma once

#include "game/addresses.h"
#include "map/functions.h"

#include <cstdint>

namespace mp::app {

namespace fn = standin::fn;

inline game::MemoryManager* manager() {
    return game::at<game::MemoryManager>(game::data::kMemoryManager);
}

inline constexpr std::uint32_t kScrapAlignment = 4;

/// The main loop's step of the pool sort.
inline void sort_pools_step() {
    fn::kFramePoolSort();
}

// --- memory context (engine contract B.1) ----------------------------------------------------------------------------

inline constexpr std::uint32_t kFileContext = 23;

inline void set_context(std::uint32_t context) {
    fn::kSetMemoryContext(context);
}

/// Sets the calling thread's context for its lifetime.
class ContextScope {
public:
    explicit ContextScope(std::uint32_t wanted) : old_(fn::kGetMemoryContext()) { set_context(wanted); }
    ~ContextScope() { set_context(old_); }
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

private:
    std::uint32_t old_;
};

}  // namespace mp::app
