// mpnvse: the command line.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "mpnvse/bundle.h"
#include "mpnvse/check.h"
#include "mpnvse/check_output.h"
#include "mpnvse/dropped.h"
#include "mpnvse/files.h"
#include "mpnvse/platform.h"
#include "mpnvse/progress.h"
#include "mpnvse/session_commands.h"
#include "mpnvse/watch.h"

namespace {

using namespace mp::tools;

constexpr int kWrongUsage = 2;

struct Options {
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string path = ".";
    std::string second;
    std::vector<std::string> dropped;
    std::string output;
    std::string facts;
    mp::patch::Accept accept = mp::patch::Accept::bytes_or_structure;
};

void print_json(const nlohmann::ordered_json& json) {
    // A file's own texts may not be UTF-8.
    print(stdout, json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

/// Writes the facts, or has the result say why there are none.
void write_facts(CheckResult& result, const std::filesystem::path& path, const std::filesystem::path& program) {
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

int run_check(const Options& options, const std::filesystem::path& path) {
    const std::string name = to_text(path);
    const auto file = read_file(path);
    CheckResult result;
    if (file) {
        Progress progress("checking " + name, file->size(), options.quiet);
        result = check(*file, {.accept = options.accept, .facts = !options.facts.empty()},
                       [&progress](std::size_t done) { progress.at(done); });
    } else {
        result = unreadable(file.error());
    }
    if (!options.facts.empty()) {
        write_facts(result, to_path(options.facts), path);
    }
    if (options.json) {
        print_json(check_json(result, name));
    } else {
        print(stdout, check_text(result, name, options.verbose));
    }
    return static_cast<int>(result.verdict);
}

int finish(const Outcome& outcome) {
    print(stdout, outcome.out);
    print(stderr, outcome.errors);
    return outcome.code;
}

std::optional<std::filesystem::path> output_of(const Options& options) {
    return options.output.empty() ? std::nullopt : std::optional(to_path(options.output));
}

int run_report(const Options& options) {
    return finish(make_report({.session = to_path(options.path), .output = output_of(options), .json = options.json}));
}

int run_compare(const Options& options) {
    return finish(make_comparison({.first = to_path(options.path),
                                   .second = to_path(options.second),
                                   .output = output_of(options),
                                   .json = options.json}));
}

int run_bundle(const Options& options) {
    return finish(make_bundle({.folder = to_path(options.path), .output = output_of(options)}));
}

int run_watch(const Options& options) {
    return finish(watch(to_path(options.path), [](const std::string& address) {
        print(stdout, address + "\nfollows the session until you press Ctrl+C here; for this machine alone\n");
        if (has_own_console()) {
            open_for_viewing(address);
        }
    }));
}

/// What was dropped on the program: each is looked at as what it is. The first code that is not 0.
int run_dropped(const Options& options) {
    int code = 0;
    for (const std::string& text : options.dropped) {
        const Dropped dropped = look_at(to_path(text));
        for (const std::filesystem::path& program : dropped.programs) {
            const int result = run_check(options, program);
            code = code != 0 ? code : result;
        }
        std::string page;  // of the newest session
        for (const std::filesystem::path& session : dropped.sessions) {
            const Outcome outcome = make_report({.session = session, .output = {}});
            page = page.empty() && outcome.code == 0 ? to_text(page_of(session)) : page;
            const int result = finish(outcome);
            code = code != 0 ? code : result;
        }
        if (!page.empty() && has_own_console()) {
            open_for_viewing(page);
        }
        const int result = finish(dropped.rest);
        code = code != 0 ? code : result;
    }
    return code;
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

CLI::App* add_bundle(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("bundle", "A zip to send: log, settings, sessions, logs of others, modules");
    command->add_option("FOLDER", options.path, "The game's; default: where you are");
    command->add_option("-o,--output", options.output, std::string("The zip; default: ") + kBundleName);
    return command;
}

CLI::App* add_watch(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("watch", "The page of a session that goes on, in a browser on this machine");
    command->add_option("TARGET", options.path, "The game's folder or a session; default: where you are");
    return command;
}

/// `arguments` in UTF-8, without the program's name.
int run(std::vector<std::string> arguments) {
    CLI::App app("Looks at the game's executable and at the sessions that MemoryPoolNVSE recorded.", "mpnvse");
    app.allow_windows_style_options(false);  // a path may start with a slash
    app.set_help_all_flag("--help-all", "Help of every command");
    app.set_version_flag("--version", std::string("mpnvse " MP_TOOL_VERSION));
    app.require_subcommand(0, 1);
    Options options;
    app.add_option("FILE", options.dropped,
                   "A session, an executable or a folder: what can be said of it, a page beside it");
    app.add_flag("-q,--quiet", options.quiet, "No progress");
    CLI::App* check_command = add_check(app, options);
    CLI::App* report_command = add_report(app, options);
    CLI::App* compare_command = add_compare(app, options);
    CLI::App* bundle_command = add_bundle(app, options);
    CLI::App* watch_command = add_watch(app, options);
    for (CLI::App* command : {check_command, report_command, compare_command}) {
        command->add_flag("--json", options.json, "For programs");
    }
    try {
        std::ranges::reverse(arguments);  // as the library takes them
        app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        std::ostringstream errors;
        const int code = app.exit(error, out, errors);
        return finish({.code = code == 0 ? 0 : kWrongUsage, .out = out.str(), .errors = errors.str()});
    }
    if (app.get_subcommands().empty() && options.dropped.empty()) {
        return finish({.code = kWrongUsage, .out = app.help(), .errors = {}});
    }
    return check_command->parsed()     ? run_check(options, to_path(options.path))
           : report_command->parsed()  ? run_report(options)
           : compare_command->parsed() ? run_compare(options)
           : bundle_command->parsed()  ? run_bundle(options)
           : watch_command->parsed()   ? run_watch(options)
                                       : run_dropped(options);
}

}  // namespace

// Windows gives its arguments in UTF-16: a code page has no room for every letter of a path.
#if defined(_WIN32)
int wmain(int argc, wchar_t** argv) {
#else
int main(int argc, char** argv) {
#endif
    int code = kWrongUsage;
    try {
        std::vector<std::string> arguments;
        for (int i = 1; i < argc; ++i) {
            arguments.push_back(to_text(argv[i]));
        }
        code = run(std::move(arguments));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mpnvse: %s\n", error.what());  // print() may throw
    }
    if (has_own_console()) {
        std::fputs("\nPress a key to close this window.\n", stderr);
        wait_for_key();
    }
    return code;
}
