#include "session/reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "session/writer.h"

namespace mp::session {

namespace {

/// A whole number and nothing else.
template <typename Number>
bool parse(std::string_view cell, Number& out) {
    const char* end = cell.data() + cell.size();
    const auto [stopped, error] = std::from_chars(cell.data(), end, out);
    return error == std::errc{} && stopped == end;
}

/// A cell without quotes, as figures are: no copy is made.
std::string_view take_plain(std::string_view& line) {
    const std::size_t size = std::min(line.find(','), line.size());
    const std::string_view cell = line.substr(0, size);
    line.remove_prefix(std::min(size + 1, line.size()));
    return cell;
}

}  // namespace

std::optional<std::string> take_cell(std::string_view& line) {
    if (!line.starts_with('"')) {
        return std::string(take_plain(line));
    }
    std::string cell;
    for (std::size_t i = 1; i < line.size(); ++i) {
        if (line[i] != '"') {
            cell += line[i];
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
            cell += line[i++];
        } else if (i + 1 == line.size() || line[i + 1] == ',') {
            line.remove_prefix(std::min(i + 2, line.size()));
            return cell;
        } else {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> Reader::take_line() {
    const std::size_t size = rest_.find('\n');
    if (size == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view line = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    ++line_;
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

std::expected<Reader, Problem> Reader::open(std::string_view file) {
    Reader reader(file);
    std::string_view rest = reader.take_line().value_or("");
    if (!rest.starts_with(kFirstColumns)) {
        return std::unexpected(Problem{1, "not a session of MemoryPoolNVSE: it does not begin with the line \"" +
                                              std::string(kFirstColumns) + ",...\""});
    }
    rest.remove_prefix(std::min(kFirstColumns.size() + 1, rest.size()));
    while (!rest.empty()) {
        reader.columns_.emplace_back(take_plain(rest));
    }
    if (reader.rest_.find('\n') == std::string_view::npos) {
        return std::unexpected(Problem{2, "the session ends before its first whole line"});
    }
    reader.figures_.resize(reader.columns_.size());
    const auto hole = std::ranges::find(reader.columns_, "largest hole KB");
    reader.hole_column_ = static_cast<std::size_t>(hole - reader.columns_.begin());
    return reader;
}

bool Reader::read(std::string_view line) {
    std::uint64_t ms = 0;
    if (!parse(take_plain(line), ms)) {
        return false;
    }
    std::optional<std::string> event = take_cell(line);
    if (!event) {
        return false;
    }
    next_figures_ = figures_;
    for (std::size_t i = 0; !line.empty(); ++i) {
        const std::string_view cell = take_plain(line);
        std::int64_t change = 0;
        if (!cell.empty() && (i >= figures_.size() || !parse(cell, change))) {
            return false;
        }
        if (change != 0) {  // no sum of a damaged file may overflow
            next_figures_[i] =
                static_cast<std::int64_t>(static_cast<std::uint64_t>(figures_[i]) + static_cast<std::uint64_t>(change));
        }
    }
    const bool is_row = event->empty();
    if (is_row && ms < row_ms_) {  // an event was perhaps on its way while a row was written
        return false;
    }
    ms_ = ms;
    row_ms_ = is_row ? ms : row_ms_;
    event_ = std::move(*event);
    figures_.swap(next_figures_);
    ended_ = ended_ || text_of(event_, kEnd);
    runs_ = text_of(event_, kPage).has_value();
    if (is_row && hole_column_ < figures_.size()) {
        const std::int64_t size = figures_[hole_column_];
        smallest_hole_ = std::min(smallest_hole_.value_or(size), size);
    }
    return true;
}

bool Reader::next() {
    const std::string_view before = rest_;
    const std::optional<std::string_view> line = take_line();
    if (!line || !read(*line)) {
        rest_ = before;
        return false;
    }
    return true;
}

std::vector<std::string> Reader::remarks(std::string_view name) const {
    std::vector<std::string> texts;
    if (!rest_.empty()) {
        const bool torn = rest_.find('\n') == std::string_view::npos;
        texts.push_back(describe({.line = torn ? line_ + 1 : line_,
                                  .text = torn ? "the last line is torn and was left out"
                                               : "no line of a session; nothing from here on was read"},
                                 name));
    }
    if (smallest_hole_ && *smallest_hole_ < kScarceHoleKb) {
        texts.push_back("address space became scarce: the largest hole fell to " +
                        std::to_string(*smallest_hole_ >> 10) + " MB");
    }
    if (!ended_ && !runs_) {
        texts.emplace_back("no orderly end: the game crashed, was ended or still runs");
    }
    return texts;
}

std::optional<std::string_view> text_of(std::string_view event, std::string_view kind) {
    const bool fits = event.starts_with(kind) && event.substr(kind.size()).starts_with(": ");
    return fits ? std::optional(event.substr(kind.size() + 2)) : std::nullopt;
}

std::string describe(const Problem& problem, std::string_view file) {
    return std::string(file) + ":" + std::to_string(problem.line) + ": " + problem.text;
}

}  // namespace mp::session
