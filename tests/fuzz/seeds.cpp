// fuzz_seeds KIND FOLDER: small inputs from which a fuzzer begins.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "example_session.h"
#include "mpnvse/executable_builder.h"
#include "plugin/settings.h"

namespace {

using mp::report::test::example_session;

std::vector<std::string> sessions() {
    return {example_session({.seconds = 5}),
            example_session(
                {.seconds = 12, .ends_in_order = false, .one_group_declined = true, .runs_out_of_memory = true})};
}

std::vector<std::string> settings() {
    std::string shipped(16'384, '\0');
    shipped.resize(mp::plugin::default_ini(shipped.data(), shipped.size()));
    return {shipped, "[Main]\r\nsMode = \"scrap\" ; a remark\r\n[Memory]\r\niQuarantineKB=4096 // another\r\n",
            "\xEF\xBB\xBF[Report]\nbPageAtExit=0\n"};
}

/// Headers, and nothing of what they tell of; and as much of the sections as fits.
std::vector<std::string> executables() {
    const mp::tools::test::Bytes whole = mp::tools::test::ExecutableBuilder().build();
    std::vector<std::string> seeds;
    for (const std::size_t size : {std::size_t{512}, std::size_t{8192}}) {
        const auto part = std::span(whole).first(std::min(size, whole.size()));
        seeds.emplace_back(part.begin(), part.end());
    }
    return seeds;
}

std::vector<std::string> arguments_of_commands() {
    std::vector<std::string> seeds{"sSizes\n24, 600,65536", "sTolerated\na.dll, b.dll"};
    for (const mp::plugin::SettingEntry& entry : mp::plugin::setting_entries()) {
        seeds.push_back(std::string(entry.key) + "\n" + entry.default_value);
    }
    return seeds;
}

std::vector<std::string> maps() {
    return {
        " Preferred load address is 10000000\n 0001:00000990       ?make@@YAPAXXZ             10001990 f   other.obj\n",
        "                0x10000000                __image_base__ = 0x10000000\n"
        "                0x10001990                use(void*, int)\n",
        "1; overrun; other.dll+0x1A97; writes\"\n1,\"finding: 1 access: likely other.dll+0x1990, x.exe+0x1\"\n"};
}

}  // namespace

int main(int argc, char** argv) {
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    if (arguments.size() != 3) {
        std::fputs("usage: fuzz_seeds session|settings|executable|arguments|map FOLDER\n", stderr);
        return 2;
    }
    const std::string_view kind = arguments[1];
    const auto seeds = kind == "session"     ? sessions()
                       : kind == "settings"  ? settings()
                       : kind == "arguments" ? arguments_of_commands()
                       : kind == "map"       ? maps()
                                             : executables();
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        std::ofstream(std::filesystem::path(arguments[2]) / std::to_string(i), std::ios::binary) << seeds[i];
    }
    return 0;
}
