// How things stand: the one judgement, and the words for it. The console, the log, the session, and with it the page
// and mpnvse, print what is said here and judge nothing themselves. Cold; main thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "replace/install.h"

namespace mp::plugin {

enum class Verdict : std::uint8_t {
    all_is_well,    ///< everything is replaced that the mode asks for, and still was when somebody last looked
                    ///< (look_again); a door that may belong to another plugin (game::may_be_owned) may be its owner's
    works_in_part,  ///< some of it is not
    pages_changed,  ///< pages of the game lack their protection
    does_nothing,   ///< nothing is replaced
};
Verdict verdict() noexcept;

/// What describe_verdict() writes fits.
inline constexpr std::size_t kLongestVerdict = 448;
/// The verdict as one sentence: its words, and how much is replaced, or why nothing is. Returns the length.
std::size_t describe_verdict(char* out, std::size_t capacity) noexcept;

/// The pages of the game that do not have the protection that they had before us, after one more try to give it back;
/// 0 when there are none. Returns the length.
std::size_t describe_changed_pages(char* out, std::size_t capacity) noexcept;

/// What became of a group, in one word or a few; "not asked for" for nullptr.
const char* outcome_name(const patch::GroupOutcome* outcome) noexcept;

/// The same with the reason, "declined; 1 of 4 sites differ; first: ...". Returns the length.
std::size_t describe_outcome(const patch::GroupOutcome& outcome, char* out, std::size_t capacity) noexcept;

/// A door that another plugin owns, before us or after, and whose calls reach ours all the same.
bool is_left_to_its_owner(const patch::GroupOutcome& outcome) noexcept;
bool was_taken_by_its_owner(const patch::Error& change) noexcept;

}  // namespace mp::plugin
