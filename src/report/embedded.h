// The parts of the page, put into the program at build time.
#pragma once

#include <string_view>

namespace mp::report::embedded {

std::string_view html() noexcept;  ///< with a placeholder for each of the others and for the sessions
std::string_view style() noexcept;
std::string_view script() noexcept;
std::string_view figures() noexcept;
std::string_view chart_script() noexcept;
std::string_view chart_style() noexcept;
std::string_view chart_licence() noexcept;

}  // namespace mp::report::embedded
