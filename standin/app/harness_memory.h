// The harness's own memory: its containers live in a heap of their own and are counted, with its threads' stacks, so
// that they can be taken off what the process holds. What the game's side allocates never goes this way.
#pragma once

#include <cstdint>

namespace mp::app {

/// Bytes that the harness's containers hold now, with what their heap needs to manage them, and the stacks that were
/// counted.
std::uint64_t harness_bytes();

/// Adds the committed part of the calling thread's stack. Wine commits a thread's whole stack at once, Windows does
/// not: it is no matter of the game's memory system. Once a thread, at its start.
void count_stack_of_this_thread();

}  // namespace mp::app
