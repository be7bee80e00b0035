// Writes a session (docs/mpnvse.md): lines of CSV. For the plugin: no exception, no allocation, one write call
// a line. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mp::session {

/// How the first line begins; the names of the figures follow.
inline constexpr std::string_view kFirstColumns = "ms,event";
inline constexpr std::size_t kMaxColumns = 160;  ///< of figures
inline constexpr std::size_t kLongestName = 48;
inline constexpr std::size_t kLongestEvent = 1024;  ///< longer ones are cut

/// Kinds of events that a reader looks for.
inline constexpr std::string_view kVerdict = "verdict";  ///< the last one holds
inline constexpr std::string_view kWarning = "warning";
inline constexpr std::string_view kFinding = "finding";
inline constexpr std::string_view kEnd = "end";    ///< the session ended in order
inline constexpr std::string_view kPage = "page";  ///< one is made, and the session goes on

/// Appends `size` bytes to the file, all or an error. Must not throw.
struct Sink {
    bool (*write)(void* context, const void* data, std::size_t size) = nullptr;
    void* context = nullptr;
};

class Writer {
public:
    /// Begins the first line: column() for each figure, then begin().
    void open(const Sink& sink) noexcept;
    /// Levels end in " KB"; everything else is a total. No comma, no quote. False when it is one too many.
    bool column(std::string_view name) noexcept;

    // Each returns false when the writer is closed or the sink refuses. After a refusal the writer is closed: a file
    // with a torn line in its middle helps nobody.
    bool begin() noexcept;
    /// What each column is at now, in their order; missing ones are 0. The line holds the differences to the row
    /// before.
    bool row(std::uint64_t ms, std::span<const std::int64_t> figures) noexcept;
    /// Becomes "kind: text" on one line, or "text" without a kind.
    bool event(std::uint64_t ms, std::string_view kind, std::string_view text) noexcept;

    [[nodiscard]] bool is_open() const noexcept { return sink_.write != nullptr; }
    void close() noexcept { sink_ = {}; }

private:
    void add(std::string_view text) noexcept;
    void add_number(std::int64_t number) noexcept;
    void add_quoted(std::string_view text) noexcept;
    bool end_line() noexcept;

    Sink sink_{};
    std::size_t columns_ = 0;
    std::array<std::int64_t, kMaxColumns> last_{};
    std::size_t length_ = 0;
    std::array<char, (kLongestName + 1) * kMaxColumns + 64> line_{};
};

}  // namespace mp::session
