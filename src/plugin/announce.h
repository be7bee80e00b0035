// Says how things stand (health.h), once at the start and again when that changes. Cold; main thread.
#pragma once

#include "plugin/tell.h"

namespace mp::plugin {

/// Calls `tell` with a line for each group that is not replaced.
void tell_outcomes(Tell tell) noexcept;

/// Says the verdict, and a line for each group that is not replaced: in console, log and session.
void announce() noexcept;

/// Calls `tell` with a line for each site of ours that was changed when somebody last looked, eight at most, and one
/// with the number of the others.
void tell_changes(Tell tell) noexcept;

/// What look_again() said.
struct Said {
    bool verdict = false;
    bool changes = false;
};
/// Looks once more at the running image, so that the counts and the verdict follow: other replacers that came after us,
/// sites of ours that somebody changed. Says each that was not said before, eight sites at most and the number of the
/// others, and the verdict when it is another one: in console, log and session.
Said look_again() noexcept;

}  // namespace mp::plugin
