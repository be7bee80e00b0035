// The page of charts from the session file. Allocates from the C runtime of this DLL, never from the game.
#pragma once

#include <string>

#include "os/file.h"

namespace mp::plugin {

/// The bytes of a session file; "" when it cannot be read, or is larger than 32 MB, which no session is. May throw
/// std::bad_alloc.
std::string read_whole(const char* path);

struct PageWritten {
    bool done = false;
    os::FileErrorText why;  ///< when it is not
};

/// Reads `session`, writes `page`: under another name first, so that the page from before stays until the new one is
/// whole. Throws nothing.
PageWritten write_page(const char* session, const char* page) noexcept;

}  // namespace mp::plugin
