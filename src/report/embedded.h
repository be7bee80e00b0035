// The parts of the page, put into the program at build time.
#pragma once

#include <string_view>

namespace mp::report::embedded {

std::string_view html() noexcept;  ///< with placeholders for the others, the sessions and their figures
std::string_view style() noexcept;
std::string_view script() noexcept;
std::string_view chart_script() noexcept;
std::string_view chart_style() noexcept;
std::string_view chart_licence() noexcept;

}  // namespace mp::report::embedded
