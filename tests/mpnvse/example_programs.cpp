// example_programs FOLDER: writes made-up programs, for the tests of `mpnvse check` and tools/facts/compare_facts.py.
#include <cstdio>
#include <filesystem>

#include "executable_builder.h"
#include "game/functions.h"
#include "mpnvse/files.h"

namespace {

using mp::tools::test::ExecutableBuilder;
namespace game = mp::game;

bool write(const std::filesystem::path& folder, const char* name, ExecutableBuilder program) {
    const mp::tools::Bytes file = program.build();
    return mp::tools::write_file(folder / name, {reinterpret_cast<const char*>(file.data()), file.size()}).has_value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    const game::Site& grow = *game::fn::kGrowBuffer.site;  // its first bytes and its return are likely
    const ExecutableBuilder game;
    ExecutableBuilder byte = game;
    byte.put(grow, {.other_first_bytes = true});
    ExecutableBuilder pop = game;
    pop.put(grow, {.popped = 8});
    ExecutableBuilder told = game;
    told.put(*game::fn::kDecommitPage.site, {.popped = 8});
    ExecutableBuilder call = game;
    call.put(grow, {.leave_out = 0});
    ExecutableBuilder other_call = game;
    other_call.put(grow, {.redirect = 1, .redirect_to = game::fn::kAllocate.va});
    ExecutableBuilder slot = game;
    slot.put_dword(game::kPointerSites[0].va, game::code::kOperatorNew);
    ExecutableBuilder hook = game;
    hook[grow.va] = 0xE9;
    hook.put_dword(grow.va + 1, 0x12345678);
    ExecutableBuilder unwalked = game;
    unwalked.put(grow.main_return.va - 3, game::bytes("FF E0 90"));  // JMP EAX
    ExecutableBuilder encrypted = game;
    encrypted.add_section(".bind");
    encrypted.scramble_code();
    const bool written = write(argv[1], "game.exe", game) && write(argv[1], "byte.exe", byte) &&
                         write(argv[1], "pop.exe", pop) && write(argv[1], "told.exe", told) &&
                         write(argv[1], "call.exe", call) && write(argv[1], "other_call.exe", other_call) &&
                         write(argv[1], "slot.exe", slot) && write(argv[1], "hook.exe", hook) &&
                         write(argv[1], "unwalked.exe", unwalked) && write(argv[1], "encrypted.exe", encrypted);
    if (!written) {
        std::fputs("example_programs: cannot write\n", stderr);
    }
    return written ? 0 : 1;
}
