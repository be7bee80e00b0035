// Any bytes as a linker's map: every function begins within the module, and a name is told from where it begins. Any
// bytes behind "finding: " in a session: without a map nothing is added.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mpnvse/function_names.h"
#include "must.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mp;
    const std::string text(data, data + size);
    if (const auto map = tools::MapFile::read(text)) {
        test::must(map->name_at(0).empty());
        test::must(!map->name_at(~std::uint64_t{0}).empty());
    }
    const std::string session = "1,\"finding: " + text;
    test::must(tools::FunctionNames([] { return std::vector<std::filesystem::path>(); }).added_to(session) == session);
    return 0;
}
