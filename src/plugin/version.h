// The version, in one place: PluginInfo, the version resource, the log and the build read it.
#pragma once

#define MP_VERSION_MAJOR 0
#define MP_VERSION_MINOR 1
#define MP_VERSION_PATCH 0
#define MP_VERSION_DOTTED(major, minor, patch) #major "." #minor "." #patch
#define MP_VERSION_OF(major, minor, patch) MP_VERSION_DOTTED(major, minor, patch)
#define MP_VERSION_TEXT MP_VERSION_OF(MP_VERSION_MAJOR, MP_VERSION_MINOR, MP_VERSION_PATCH)
/* As IsPluginInstalled and GetPluginVersion see it: 100 * minor + patch below, 10000 * major above. */
#define MP_VERSION_NUMBER (MP_VERSION_MAJOR * 10000 + MP_VERSION_MINOR * 100 + MP_VERSION_PATCH)

#define MP_PLUGIN_NAME "MemoryPoolNVSE"
