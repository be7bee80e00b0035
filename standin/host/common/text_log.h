// Log of the extender: a text file in the current directory, truncated at start, flushed line by line.
#pragma once

#include <cstdio>
#include <fmt/format.h>
#include <string>

namespace mp::host {

class TextLog {
public:
    TextLog() = default;
    ~TextLog() { close(); }
    TextLog(const TextLog&) = delete;
    TextLog& operator=(const TextLog&) = delete;

    /// A log that cannot be opened swallows its lines.
    void open(const char* file_name);
    void close();

    template <typename... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        write(fmt::format(format, std::forward<Args>(args)...));
    }

private:
    void write(const std::string& text);

    std::FILE* file_ = nullptr;
};

}  // namespace mp::host
