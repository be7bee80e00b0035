// Import slots of the running exe.
#pragma once

namespace mp::host {

/// Makes the exe's slot of `function` (imported by name from `module`) point to `replacement`. Returns what it pointed
/// to, or nullptr when the exe does not import it.
void* replace_import(const char* module, const char* function, void* replacement);

}  // namespace mp::host
