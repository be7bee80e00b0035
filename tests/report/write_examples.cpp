// write_examples FOLDER: made-up session files for the tests of the command and of the page.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "example_session.h"

namespace {

using mp::report::test::Example;
using mp::report::test::example_session;
using mp::report::test::ExampleMode;

bool write(const std::filesystem::path& path, std::vector<std::uint8_t> bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return static_cast<bool>(file.flush());
}

std::vector<std::uint8_t> crashed() {
    std::vector<std::uint8_t> bytes = mp::report::test::example_session(
        {.mode = ExampleMode::full, .seconds = 100, .ends_in_order = false, .one_group_declined = true});
    bytes.resize(bytes.size() - 100);
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: write_examples FOLDER\n", stderr);
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    const bool written =
        write(folder / "full.mpsession", example_session(Example{})) &&
        write(folder / "off.mpsession", example_session({.mode = ExampleMode::off, .seconds = 900})) &&
        write(folder / "scrap.mpsession", example_session({.mode = ExampleMode::scrap, .seconds = 100})) &&
        write(folder / "long.mpsession", example_session({.seconds = 8 * 3600})) &&
        write(folder / "crashed.mpsession", crashed());
    return written ? 0 : 1;
}
