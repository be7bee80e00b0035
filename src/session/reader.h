// Reads a session line by line, whole or not. For tools and the report; allocates, may throw std::bad_alloc only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mp::session {

/// Below this largest hole the game is about to run out of address space: a texture or a cell may need that much at
/// once.
inline constexpr std::int64_t kScarceHoleKb = 64 << 10;

/// What is wrong with a file.
struct Problem {
    std::size_t line = 0;  ///< from 1
    std::string text;
};

/// The next cell of a line of CSV, without its quotes; the rest of the line stays in `line`. Nothing when there is
/// none, or its quotes are wrong.
std::optional<std::string> take_cell(std::string_view& line);

class Reader {
public:
    /// `file` must outlive the reader. A problem: this is no session, or nothing whole stands behind the first line.
    static std::expected<Reader, Problem> open(std::string_view file);

    /// Goes to the next line. False behind the last whole one, and where the file is damaged: nothing behind can be
    /// trusted, because each row builds on those before it.
    bool next();

    /// Names of the figures.
    [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }
    [[nodiscard]] std::uint64_t ms() const noexcept { return ms_; }
    /// "kind: text"; "" for a row of figures.
    [[nodiscard]] const std::string& event() const noexcept { return event_; }
    /// What each column is at with this line.
    [[nodiscard]] std::span<const std::int64_t> figures() const noexcept { return figures_; }

    /// Once next() was false: what somebody who looks at the session should know of its file, `name`.
    [[nodiscard]] std::vector<std::string> remarks(std::string_view name) const;

private:
    explicit Reader(std::string_view file) : rest_(file) {}
    std::optional<std::string_view> take_line();
    bool read(std::string_view line);

    std::string_view rest_;
    std::size_t line_ = 0;
    std::vector<std::string> columns_;
    std::uint64_t ms_ = 0;
    std::uint64_t row_ms_ = 0;
    std::string event_;
    std::vector<std::int64_t> figures_;
    std::vector<std::int64_t> next_figures_;
    std::size_t hole_column_ = 0;
    std::optional<std::int64_t> smallest_hole_;
    bool ended_ = false;
    bool runs_ = false;  ///< a page was made behind the last row
};

/// Text behind "kind: ", nothing when the event is of another kind.
std::optional<std::string_view> text_of(std::string_view event, std::string_view kind);

/// "file:line: text"
std::string describe(const Problem& problem, std::string_view file);

}  // namespace mp::session
