// A session as the plugin records it, made up: twenty minutes of play with loading screens, in any mode.
#pragma once

#include <cstdint>
#include <string>

namespace mp::report::test {

enum class ExampleMode : std::uint8_t { full, boundary, scrap, off };

struct Example {
    ExampleMode mode = ExampleMode::full;
    std::uint32_t seconds = 1200;
    bool ends_in_order = true;
    bool one_group_declined = false;
    bool door_left_to_owner = false;
    bool runs_out_of_memory = false;  ///< requests are refused in the last seconds
    bool without_rows = false;
};

/// The text of the session file. The same arguments give the same text.
std::string example_session(const Example& example);

}  // namespace mp::report::test
