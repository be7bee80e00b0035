// The kernel meter from the first code of the process on, before anything of the game or of a plugin runs.
#pragma once

namespace mp::app {

/// Why there is no meter; nullptr when there is one.
const char* meter_failure();

}  // namespace mp::app
