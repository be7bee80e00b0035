// Settings that change while the game runs: by command, or because the file is read again. Main thread. Cold.
#pragma once

#include "plugin/tell.h"

namespace mp::plugin {

/// Sets one key until the game ends; the file stays as it is. True when the value is in effect afterwards. Log and
/// `tell` get one line that names the key and says what happened.
bool set_setting(const char* key, const char* value, Tell tell) noexcept;

/// Tells the value of one key that is in use, and what could be set. The value when it is a number; 0 for a word, and
/// for a key that is none.
double tell_setting(const char* key, Tell tell) noexcept;

/// Tells one line for each key: its value now, its possible values, when a change takes effect.
void list_settings(Tell tell) noexcept;

/// Reads the file again and puts into effect what can change now. Log and `tell` get a line for each problem in the
/// file, for each key whose value differs from the one in use, and one for the whole.
void reload_settings(Tell tell) noexcept;

/// The same, but only when the file's values are not those that it had when it was last read; otherwise nothing is
/// told. A value that was set by command stays until then. Reads one small file.
void reload_changed_settings(Tell tell) noexcept;

}  // namespace mp::plugin
