// What the loader does once, at the first hooked import call of the exe's start-up code.
#pragma once

namespace mp::host {

/// Checks the exe, redirects its call of WinMain, writes the heap sizes, preloads plugins. Safe to call again.
void install_once();

}  // namespace mp::host
