// The address space before anything of the game or of a plugin ran.
#pragma once

#include "meter/address_space.h"

namespace mp::app {

/// Measured by the first code of the process, when its thread-local storage is set up. Zeros when that did not happen.
meter::AddressSpace address_space_at_start();

}  // namespace mp::app
