// mpnvse: the command line.
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mpnvse/check.h"
#include "mpnvse/check_output.h"
#include "mpnvse/files.h"
#include "mpnvse/progress.h"

namespace {

using namespace mp::tools;

constexpr int kWrongUsage = 2;

struct Options {
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string path;
};

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void print(const nlohmann::ordered_json& json) {
    // A file's own texts may not be UTF-8.
    print(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

int run_check(const Options& options) {
    const auto file = read_file(options.path);
    CheckResult result;
    if (file) {
        Progress progress("checking " + options.path, file->size(), options.quiet);
        result = check(*file, [&progress](std::size_t done) { progress.at(done); });
    } else {
        result = unreadable(file.error());
    }
    if (options.json) {
        print(check_json(result, options.path));
    } else {
        print(check_text(result, options.path, options.verbose));
    }
    return static_cast<int>(result.verdict);
}

int run(int argc, char** argv) {
    CLI::App app("Looks at the game's executable and at the sessions that MemoryPoolNVSE recorded.", "mpnvse");
    app.set_help_all_flag("--help-all", "Help of every command");
    app.require_subcommand(1);
    Options options;
    app.add_flag("-q,--quiet", options.quiet, "No progress");

    CLI::App* check_command = app.add_subcommand("check", "What the plugin would do with an executable");
    check_command->add_option("PATH", options.path, "FalloutNV.exe")->required();
    check_command->add_flag("--json", options.json, "For programs");
    check_command->add_flag("-v,--verbose", options.verbose, "Every function");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kWrongUsage;
    }
    return run_check(options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "mpnvse: {}\n", error.what());
        return kWrongUsage;
    }
}
