// Leak candidates: where blocks are made that stay, told from the guarded ones. docs/culprit-finder.md.
#pragma once

#include "plugin/tell.h"

namespace mp::plugin::leaks {

/// Tells the places of which guarded blocks live that were made in every quarter of the session, those of most blocks
/// first; at most `most`. Says so when there is none, or when the culprit finder is off. How many were told. Any
/// thread, one at a time; some milliseconds.
unsigned tell(unsigned most, Tell tell) noexcept;

}  // namespace mp::plugin::leaks
