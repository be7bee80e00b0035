// Any bytes as a program: they are judged, with a reason, and nothing outside of the file is looked at.
#include <cstddef>
#include <cstdint>
#include <span>

#include "mpnvse/check.h"
#include "mpnvse/executable_file.h"
#include "must.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mp;
    const std::span file(data, size);
    const tools::CheckResult result = tools::check(file, {.facts = true, .hash = false});
    test::must(!result.reason.empty());
    if (const auto headers = tools::parse_executable(file)) {
        for (const tools::Section& section : headers->sections) {
            test::must(section.file_size == 0 || std::uint64_t{section.file_offset} + section.file_size <= size);
        }
    } else {
        test::must(!headers.error().text.empty() && !result.is_program);
    }
    return 0;
}
