// write_examples FOLDER: made-up session files for the tests of the command and of the page.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "example_session.h"

namespace {

using mp::report::test::Example;
using mp::report::test::example_session;
using mp::report::test::ExampleMode;

bool write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    return static_cast<bool>((file << text).flush());
}

std::string crashed() {
    std::string text = example_session(
        {.seconds = 610, .ends_in_order = false, .one_group_declined = true, .runs_out_of_memory = true});
    text.resize(text.size() - 10);
    return text;
}

/// A page was asked for while the game runs.
std::string running() {
    return example_session({.seconds = 100, .ends_in_order = false}) + "100000,\"page: of the session so far\"\n";
}

std::string with_an_estimate() {
    std::string text = example_session({.seconds = 300});
    const std::string column = ",kernel calls saved,";
    return text.replace(text.find(column), column.size(), ",kernel calls saved (estimated),");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: write_examples FOLDER\n", stderr);
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    const bool written = write(folder / "full.csv", example_session(Example{})) &&
                         write(folder / "off.csv", example_session({.mode = ExampleMode::off, .seconds = 900})) &&
                         write(folder / "scrap.csv", example_session({.mode = ExampleMode::scrap, .seconds = 100})) &&
                         write(folder / "owned.csv", example_session({.seconds = 100, .door_left_to_owner = true})) &&
                         write(folder / "long.csv", example_session({.seconds = 8 * 3600})) &&
                         write(folder / "ended.csv", example_session({.seconds = 100, .ends_in_order = false})) &&
                         write(folder / "running.csv", running()) &&
                         write(folder / "estimated.csv", with_an_estimate()) &&
                         write(folder / "empty.csv", example_session({.without_rows = true})) &&
                         write(folder / "crashed.csv", crashed());
    return written ? 0 : 1;
}
