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

/// The culprit finder named three, the last of which crashed.
std::string found() {
    return example_session({.seconds = 100, .ends_in_order = false}) +
           "50000,\"finding: 1; use after free; FalloutNV.exe+0x4A2B1C; reads byte 4 of a freed block of 64 bytes; "
           "block "
           "0x0263F0C0; thread 300; frame 3000\"\n"
           "50000,\"finding: 1 access: FalloutNV.exe+0x4A2B1C, likely other.dll+0x1000\"\n"
           "60000,\"finding: 2; written beside a block; other.dll+0x1A05; frees a block of 20 bytes beside which "
           "somebody has "
           "written; who is not known; block 0x0263FFE8; thread 300; frame 3600, in a loading screen\"\n"
           "60000,\"finding: 2 free: other.dll+0x1A05, FalloutNV.exe+0x4A2B1C\"\n"
           "100000,\"finding: 3; overrun; likely other.dll+0x1A97; writes 0 bytes behind the end of a block of 48 "
           "bytes; block "
           "0x0263FFD0; thread 720; frame 6000\"\n"
           "100000,\"finding: 3 access: ntdll.dll+0x2F831, likely other.dll+0x1A97\"\n"
           "100000,\"finding: 3 allocated by the game's heap 12.345 s before, thread 720: other.dll+0x19E7\"\n";
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
                         write(folder / "running.csv", running()) && write(folder / "found.csv", found()) &&
                         write(folder / "estimated.csv", with_an_estimate()) &&
                         write(folder / "empty.csv", example_session({.without_rows = true})) &&
                         write(folder / "crashed.csv", crashed());
    return written ? 0 : 1;
}
