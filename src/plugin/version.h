// The plugin's own version, in one place: PluginInfo, the version resource and the log read it.
#pragma once

#define MP_VERSION_MAJOR 0
#define MP_VERSION_MINOR 1
#define MP_VERSION_PATCH 0
#define MP_VERSION_TEXT "0.1.0"
/* As IsPluginInstalled and GetPluginVersion see it: 100 * minor + patch below, 10000 * major above. */
#define MP_VERSION_NUMBER (MP_VERSION_MAJOR * 10000 + MP_VERSION_MINOR * 100 + MP_VERSION_PATCH)

#define MP_PLUGIN_NAME "MemoryPoolNVSE"
