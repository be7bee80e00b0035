// `mpnvse watch`: the page of a session that goes on, for a browser on this machine.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "mpnvse/session_commands.h"

namespace mp::tools {

/// Serves the page of `target` (a session, or a folder: the newest session of the game in it, also one that begins
/// later) until the process ends. `is_ready` is given the address, whose random part only it knows. Bound to 127.0.0.1;
/// answers GET and nothing else, and only when asked by that very address. Comes back when it cannot serve.
Outcome watch(const std::filesystem::path& target, const std::function<void(const std::string& address)>& is_ready);

}  // namespace mp::tools
