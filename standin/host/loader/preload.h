// The Preload phase.
#pragma once

#include "host/common/settings.h"
#include "host/common/text_log.h"

namespace mp::host {

/// Loads every DLL of the plugin folder that exports NVSEPlugin_Preload and calls it. Results are ignored, faults are
/// not caught: both as in xNVSE.
void preload_plugins(const Settings& settings, TextLog& log);

}  // namespace mp::host
