// What a player is told: one sentence about the whole, and one line for everything that is not as it should be. Cold.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plugin/tell.h"
#include "replace/install.h"

namespace mp::plugin {

/// The pages of the game that do not have the protection that they had before us, after one more try to give it back;
/// 0 when there are none. Returns the length.
std::size_t describe_changed_pages(char* out, std::size_t capacity) noexcept;

/// What describe_choice() writes fits.
inline constexpr std::size_t kLongestChoice = 96;
/// How many functions and front doors the mode asks for, when it asks for fewer than all 17 functions on purpose: no
/// failure. 0 for the other modes. Returns the length.
std::size_t describe_choice(char* out, std::size_t capacity) noexcept;

/// One sentence: active or not, why not, how much is replaced. Returns the length.
std::size_t describe_health(char* out, std::size_t capacity) noexcept;

/// Everything is replaced that the mode asks for, and still was when somebody last looked (tell_new_conflicts), and no
/// page of the game lacks its protection; a door that may belong to another plugin (game::may_be_owned) may be its
/// owner's.
bool all_is_well() noexcept;

/// What became of a group, in one word or two; "not asked for" for nullptr.
const char* outcome_name(const replace::GroupOutcome* outcome) noexcept;

/// The same with the reason: "declined; 1 of 4 sites differ; first: ...". Returns the length.
std::size_t describe_outcome(const replace::GroupOutcome& outcome, char* out, std::size_t capacity) noexcept;

/// Groups that were declined or not installed, for the mode that is set.
std::uint32_t declined_groups() noexcept;

/// Calls `tell` with a line for each group that is not replaced: its name, and the first site that differs with the
/// module that owns it, if one does.
void tell_declined_groups(Tell tell) noexcept;

/// Looks once more at the running image, so that the counts and the verdict follow: other replacers that came after us,
/// sites of ours that somebody changed. Calls `tell` with a line for each that was not told before, eight sites at most
/// and the number of the others. True when there was one. Main thread.
bool tell_new_conflicts(Tell tell) noexcept;

}  // namespace mp::plugin
