#include "session/writer.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace mp::session {

namespace {

constexpr std::size_t kLongestNumber = std::numeric_limits<std::int64_t>::digits10 + 2;

}  // namespace

void Writer::add(std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), line_.size() - length_);
    std::copy_n(text.data(), size, line_.data() + length_);
    length_ += size;
}

void Writer::add_number(std::int64_t number) noexcept {
    std::array<char, kLongestNumber> digits{};
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    add({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void Writer::add_quoted(std::string_view text) noexcept {
    for (const char c : text.substr(0, kLongestEvent)) {
        const bool control = static_cast<unsigned char>(c) < ' ';
        add(c == '"' ? "\"\"" : control ? " " : std::string_view(&c, 1));
    }
}

bool Writer::end_line() noexcept {
    add("\n");
    if (is_open() && !sink_.write(sink_.context, line_.data(), length_)) {
        close();
    }
    length_ = 0;
    return is_open();
}

void Writer::open(const Sink& sink) noexcept {
    sink_ = sink;
    columns_ = 0;
    last_ = {};
    length_ = 0;
    add(kFirstColumns);
}

bool Writer::column(std::string_view name) noexcept {
    if (columns_ == kMaxColumns) {
        return false;
    }
    add(",");
    add(name.substr(0, kLongestName));
    ++columns_;
    return true;
}

bool Writer::begin() noexcept {
    return end_line();
}

bool Writer::row(std::uint64_t ms, std::span<const std::int64_t> figures) noexcept {
    add_number(static_cast<std::int64_t>(ms));
    std::size_t empty = 1;  // commas that are due when something follows; the first skips the event
    for (std::size_t i = 0; i < std::min(figures.size(), columns_); ++i) {
        ++empty;
        if (figures[i] != last_[i]) {
            for (; empty != 0; --empty) {
                add(",");
            }
            add_number(figures[i] - last_[i]);
            last_[i] = figures[i];
        }
    }
    return end_line();
}

bool Writer::event(std::uint64_t ms, std::string_view kind, std::string_view text) noexcept {
    add_number(static_cast<std::int64_t>(ms));
    add(",\"");
    add_quoted(kind);
    add(kind.empty() ? "" : ": ");
    add_quoted(text);
    add("\"");
    return end_line();
}

}  // namespace mp::session
