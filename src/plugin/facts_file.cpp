#include "plugin/facts_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "os/file.h"
#include "patch/facts.h"
#include "patch/unpatched_image.h"
#include "plugin/files.h"
#include "plugin/log.h"
#include "plugin/running_image.h"
#include "replace/install.h"

namespace mp::plugin {

namespace {

constinit patch::Walk g_walk;

bool write_line(void* file, std::string_view line) noexcept {
    auto* out = static_cast<std::FILE*>(file);
    return std::fwrite(line.data(), 1, line.size(), out) == line.size() && std::fputc('\n', out) != EOF;
}

/// Whole or not at all.
bool write_to(const char* path, std::uint64_t program_version) noexcept {
    std::FILE* file = os::open_file(path, "wt");
    if (file == nullptr) {
        return false;
    }
    const patch::ProcessImage process;
    const patch::UnpatchedImage image(process, replace::hooks());
    const patch::FactsHeader header{.program_version = program_version, .sha256 = {}};
    const bool written = patch::write_facts(header, image, g_walk, &write_line, file);
    const bool closed = std::fclose(file) == 0;
    if (!written || !closed) {
        const int error = errno;
        os::remove_file(path);
        errno = error;
    }
    return written && closed;
}

}  // namespace

bool write_facts_file(Tell tell) noexcept {
    const ImageCheck check = check_running_image();
    if (check.problem != ImageProblem::none) {
        char text[256];
        describe(check, text, sizeof text);
        tell_line(tell, "no facts: %s", text);
        return false;
    }
    static char path[os::kMaxPath];
    if (!files::beside(log::path(), files::kFacts, path)) {
        tell_line(tell, "no facts: their place is beside the log, and there is no log");
        return false;
    }
    if (!write_to(path, check.file_version)) {
        tell_line(tell, "no facts: %s cannot be written (%s)", path, std::strerror(errno));
        return false;
    }
    tell_line(tell, "facts of the game's functions: written to %s", path);
    return true;
}

}  // namespace mp::plugin
