// The harness's own memory: its containers live in a heap of their own and are counted, so that they can be taken off
// what the process holds. What the game's side allocates never goes this way.
#pragma once

#include <cstdint>

namespace mp::app {

/// Bytes that the harness's containers hold now, with what their heap needs to manage them.
std::uint64_t harness_bytes();

}  // namespace mp::app
