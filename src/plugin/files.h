// The files that we write: what they are called, where they lie, and that the last run's are kept. Paths are UTF-8.
// Cold.
#pragma once

#include <cstddef>

#include "os/file.h"

namespace mp::plugin::files {

/// Endings behind the plugin's name: of this run's file, and of what the run before left. One run before is kept.
struct Kind {
    const char* ending;
    const char* previous;
};
inline constexpr Kind kLog{".log", ".previous.log"};
inline constexpr Kind kSession{".csv", ".previous.csv"};
inline constexpr Kind kPage{".html", ".previous.html"};
inline constexpr Kind kSettings{".used.ini", ".previous.ini"};  ///< the settings in use, for whoever asks later
inline constexpr const char* kFacts = "-facts.txt";

/// What came of beginning a file.
struct Begun {
    bool done = false;
    bool kept = false;  ///< the last run's became `previous`
    char fault[200] =
        {};  ///< for the player; "" when all is well: what cannot be written where and why, where it is now
};

/// Begins a file anew, in the first of these folders that takes it: that of the log, which is xNVSE's for plugins' logs
/// or the game's; Documents\My Games\FalloutNV. The last run's file is renamed before; where that cannot be done it is
/// not overwritten. A session without a row is worth nothing: the one before it stays `previous`. `path` gets the path,
/// "" when no folder takes it. One thread at a time; the log comes first.
Begun begin(const Kind& kind, os::AppendFile& file, char (&path)[os::kMaxPath]) noexcept;

/// Path of a file of ours beside `path`, which is another one. False, and "", when there is none, or no room.
bool beside(const char* path, const char* ending, char (&out)[os::kMaxPath]) noexcept;

/// Renames what the last run left beside `path`, when it is there. False when it stays.
bool keep_last(const Kind& kind, const char* path) noexcept;

}  // namespace mp::plugin::files
