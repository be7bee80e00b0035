#include "sandbox.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <windows.h>

namespace mp::test {
namespace {

namespace fs = std::filesystem;

/// The build's folder of binaries, as a path this process can open: the tests' own folder.
fs::path binaries() {
    char path[MAX_PATH] = {};
    GetModuleFileNameA(nullptr, path, sizeof path);
    return fs::path(path).parent_path();
}

std::string read_text(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        while (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        lines.push_back(line);
    }
    return lines;
}

void copy_over(const fs::path& from, const fs::path& to) {
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

/// Starts a process in `folder` with its output in output.txt there, waits, returns its exit code.
DWORD run_process(const fs::path& exe, const std::string& arguments, const fs::path& folder) {
    SECURITY_ATTRIBUTES inherit{sizeof inherit, nullptr, TRUE};
    const HANDLE file = CreateFileA((folder / "output.txt").string().c_str(), GENERIC_WRITE, FILE_SHARE_READ, &inherit,
                                    CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    STARTUPINFOA start{};
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdOutput = file;
    start.hStdError = file;
    PROCESS_INFORMATION process{};
    std::string line = "\"" + exe.string() + "\" " + arguments;
    DWORD code = ~0U;
    if (CreateProcessA(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, folder.string().c_str(), &start,
                       &process) != FALSE) {
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &code);
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
    CloseHandle(file);
    return code;
}

}  // namespace

Sandbox::Sandbox() {
    static int count = 0;
    const fs::path folder =
        binaries() / ("host_sandbox_" + std::to_string(GetCurrentProcessId()) + "_" + std::to_string(++count));
    fs::create_directories(folder / "Data" / "NVSE" / "Plugins");
    for (const char* name : {"nvse_steam_loader.dll", "nvse_1_4.dll"}) {
        copy_over(binaries() / name, folder / name);
    }
    folder_ = folder.string();
}

Sandbox::~Sandbox() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

void Sandbox::add_plugin(const std::string& name, const std::string& settings, const std::string& dll) {
    const fs::path plugins = fs::path(folder_) / "Data" / "NVSE" / "Plugins";
    copy_over(binaries() / dll, plugins / (name + ".dll"));
    std::ofstream(plugins / (name + ".ini")) << "[Plugin]\n" << settings << "\n";
}

void Sandbox::write_file(const std::string& relative_path, const std::string& text) const {
    std::ofstream(fs::path(folder_) / relative_path) << text;
}

void Sandbox::override_host(const std::string& key, const std::string& value) {
    overrides_.emplace_back(key, value);
    std::string text = "[Host]\n";
    for (const auto& [name, content] : overrides_) {
        text.append(name).append("=").append(content).append("\n");
    }
    write_file("nvse_host.ini", text);
}

bool Sandbox::run(const std::string& arguments, const std::string& game) {
    const fs::path exe = fs::path(folder_) / "FalloutNV.exe";
    copy_over(binaries() / game, exe);
    return run_process(exe, arguments, folder_) == 0;
}

std::vector<std::string> Sandbox::output() const {
    return lines_of(read_text(fs::path(folder_) / "output.txt"));
}

std::vector<std::string> Sandbox::events() const {
    return lines_of(read_text(fs::path(folder_) / "events.txt"));
}

std::vector<std::string> Sandbox::events_of(const std::string& plugin) const {
    std::vector<std::string> own;
    for (const std::string& line : events()) {
        if (line.starts_with(plugin + " ")) {
            own.push_back(line.substr(plugin.size() + 1));
        }
    }
    return own;
}

std::string Sandbox::log(const std::string& name) const {
    return read_text(fs::path(folder_) / name);
}

}  // namespace mp::test
