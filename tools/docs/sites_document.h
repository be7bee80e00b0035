// The text of docs/sites.md, made from the one table of code sites.
#pragma once

#include <string>

namespace mp::tools {

/// The whole document, lines ended with LF.
std::string sites_document();

}  // namespace mp::tools
