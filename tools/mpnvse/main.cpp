// mpnvse: the command line.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "mpnvse/check.h"
#include "mpnvse/check_output.h"
#include "mpnvse/files.h"
#include "mpnvse/progress.h"
#include "mpnvse/session_commands.h"

namespace {

using namespace mp::tools;

constexpr int kWrongUsage = 2;

struct Options {
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string path;
    std::string second;
    std::string output;
    std::string facts;
    mp::patch::Accept accept = mp::patch::Accept::bytes_or_structure;
};

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void print(const nlohmann::ordered_json& json) {
    // A file's own texts may not be UTF-8.
    print(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

/// Writes the facts, or has the result say why there are none.
void write_facts(CheckResult& result, const std::string& path, const std::filesystem::path& program) {
    if (result.facts.empty()) {
        if (result.verdict == Verdict::encrypted) {
            result.reason += "; its facts come from the running game: type MemoryPoolFacts into its console";
        }
        return;  // the verdict says why there are none
    }
    if (const auto written = write_file(path, result.facts, {&program, 1}); !written) {
        set_no_facts(result, written.error());
    }
}

int run_check(const Options& options) {
    const auto file = read_file(options.path);
    CheckResult result;
    if (file) {
        Progress progress("checking " + options.path, file->size(), options.quiet);
        result = check(*file, {.accept = options.accept, .facts = !options.facts.empty()},
                       [&progress](std::size_t done) { progress.at(done); });
    } else {
        result = unreadable(file.error());
    }
    if (!options.facts.empty()) {
        write_facts(result, options.facts, options.path);
    }
    if (options.json) {
        print(check_json(result, options.path));
    } else {
        print(check_text(result, options.path, options.verbose));
    }
    return static_cast<int>(result.verdict);
}

int finish(const Outcome& outcome) {
    print(outcome.out);
    std::fputs(outcome.errors.c_str(), stderr);
    return outcome.code;
}

std::optional<std::filesystem::path> output_of(const Options& options) {
    return options.output.empty() ? std::nullopt : std::optional<std::filesystem::path>(options.output);
}

int run_report(const Options& options) {
    return finish(make_report({.session = options.path, .output = output_of(options), .json = options.json}));
}

int run_compare(const Options& options) {
    return finish(make_comparison(
        {.first = options.path, .second = options.second, .output = output_of(options), .json = options.json}));
}

CLI::App* add_check(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("check", "What the plugin would do with an executable");
    command->add_option("PATH", options.path, "FalloutNV.exe")->required();
    command->add_flag("-v,--verbose", options.verbose, "Every function");
    command->add_option("--facts", options.facts, "A text of what the file says of every row of the site table");
    static const std::map<std::string, mp::patch::Accept> kProofs{
        {"bytes-or-structure", mp::patch::Accept::bytes_or_structure}, {"structure", mp::patch::Accept::structure}};
    command->add_option("--proof", options.accept, "What a proof may rest on: bytes-or-structure, or structure alone")
        ->transform(CLI::CheckedTransformer(kProofs))
        ->type_name("PROOF");
    command->footer("Exit code 0: all 17 functions would be replaced; 1: some; others: mpnvse(1).");
    return command;
}

CLI::App* add_report(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("report", "A page of charts from a session, also after a crash");
    command->add_option("SESSION", options.path, "Session file")->required();
    command->add_option("-o,--output", options.output, "The page; default: beside the session, ending in .html");
    return command;
}

CLI::App* add_compare(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("compare", "Two sessions side by side, off against full for instance");
    command->add_option("A", options.path, "Session file")->required();
    command->add_option("B", options.second, "Session file")->required();
    command->add_option("-o,--output", options.output, "Also a page with both in the same charts");
    return command;
}

int run(int argc, char** argv) {
    CLI::App app("Looks at the game's executable and at the sessions that MemoryPoolNVSE recorded.", "mpnvse");
    app.allow_windows_style_options(false);  // a path may start with a slash
    app.set_help_all_flag("--help-all", "Help of every command");
    app.set_version_flag("--version", std::string("mpnvse " MP_TOOL_VERSION));
    app.require_subcommand(1);
    Options options;
    app.add_flag("-q,--quiet", options.quiet, "No progress");
    CLI::App* check_command = add_check(app, options);
    CLI::App* report_command = add_report(app, options);
    CLI::App* compare_command = add_compare(app, options);
    for (CLI::App* command : {check_command, report_command, compare_command}) {
        command->add_flag("--json", options.json, "For programs");
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kWrongUsage;
    }
    return check_command->parsed()    ? run_check(options)
           : report_command->parsed() ? run_report(options)
                                      : run_compare(options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mpnvse: %s\n", error.what());  // fmt::print may throw
        return kWrongUsage;
    }
}
