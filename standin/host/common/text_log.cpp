#include "host/common/text_log.h"

#include "host/common/paths.h"

namespace mp::host {

void TextLog::open(const char* file_name) {
    file_ = std::fopen((current_directory() + "\\" + file_name).c_str(), "w");
}

void TextLog::close() {
    if (file_ != nullptr) {
        std::fclose(file_);
        file_ = nullptr;
    }
}

void TextLog::write(const std::string& text) {
    if (file_ != nullptr) {
        std::fprintf(file_, "%s\n", text.c_str());
        std::fflush(file_);
    }
}

}  // namespace mp::host
