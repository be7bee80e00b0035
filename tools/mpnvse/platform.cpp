#include "mpnvse/platform.h"

#include <cerrno>

#if defined(_WIN32)
#include <windows.h>

#include <bcrypt.h>
#include <conio.h>
#include <io.h>
#else
#include <sys/random.h>
#endif

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

}  // namespace

#if defined(_WIN32)

namespace {

bool is_utf8(std::string_view text) {
    const int size = static_cast<int>(text.size());
    return text.empty() || MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0) != 0;
}

std::wstring to_wide(std::string_view text, unsigned code_page = CP_UTF8) {
    const int size = static_cast<int>(text.size());
    const int needed = MultiByteToWideChar(code_page, 0, text.data(), size, nullptr, 0);
    std::wstring wide(static_cast<std::size_t>(needed), L'\0');
    MultiByteToWideChar(code_page, 0, text.data(), size, wide.data(), needed);
    return wide;
}

std::string to_utf8(std::wstring_view wide) {
    const int size = static_cast<int>(wide.size());
    const int needed = WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(needed), '\0');
    WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, text.data(), needed, nullptr, nullptr);
    return text;
}

}  // namespace

std::string to_text(const fs::path& path) {
    return to_utf8(path.native());
}

fs::path to_path(std::string_view text) {
    return {to_wide(text)};
}

std::string from_code_page(std::string_view text) {
    return is_utf8(text) ? std::string(text) : to_utf8(to_wide(text, CP_ACP));
}

std::string message_of(const std::error_code& error) {
    if (error.category() != std::system_category()) {
        return error.message();
    }
    wchar_t text[512];
    DWORD length =
        FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr,
                       static_cast<DWORD>(error.value()), 0, text, static_cast<DWORD>(std::size(text)), nullptr);
    while (length != 0 && (text[length - 1] == L'\n' || text[length - 1] == L'\r' || text[length - 1] == L' ')) {
        --length;
    }
    return length != 0 ? to_utf8({text, length}) : "error " + std::to_string(error.value());
}

void print(std::FILE* stream, std::string_view text) {
    auto* const handle = reinterpret_cast<HANDLE>(_get_osfhandle(_fileno(stream)));
    DWORD mode = 0;
    if (GetConsoleMode(handle, &mode) == 0) {  // a file or a pipe
        std::fwrite(text.data(), 1, text.size(), stream);
        std::fflush(stream);
        return;
    }
    constexpr std::size_t kMost = 8192;  // older consoles take no more than some 30,000 letters at once
    const std::wstring wide = to_wide(text);
    for (std::size_t at = 0; at < wide.size(); at += kMost) {
        const std::wstring_view part = std::wstring_view(wide).substr(at, kMost);
        WriteConsoleW(handle, part.data(), static_cast<DWORD>(part.size()), nullptr, nullptr);
    }
}

bool uses_two_bytes_a_letter(std::string_view text) {
    CPINFO page{};
    return !is_utf8(text) && GetCPInfo(CP_ACP, &page) != 0 && page.MaxCharSize == 2;
}

bool is_first_of_two(char byte) {
    return IsDBCSLeadByte(static_cast<BYTE>(byte)) != 0;
}

bool has_own_console() {
    DWORD mode = 0;
    DWORD ids[2];
    const bool is_seen = GetConsoleWindow() != nullptr && GetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), &mode) != 0;
    return is_seen && GetConsoleProcessList(ids, 2) == 1;
}

void wait_for_key() {
    _getwch();
}

bool open_for_viewing(const std::string& target) {
    // Loaded for this alone: with it come fonts and windows, which most calls of the tool do not need.
    using Execute = HINSTANCE(WINAPI*)(HWND, const wchar_t*, const wchar_t*, const wchar_t*, const wchar_t*, int);
    constexpr INT_PTR kHighestError = 32;
    const HMODULE shell = LoadLibraryW(L"shell32.dll");
    const auto execute =
        shell != nullptr
            ? reinterpret_cast<Execute>(reinterpret_cast<void (*)()>(GetProcAddress(shell, "ShellExecuteW")))
            : nullptr;
    return execute != nullptr && reinterpret_cast<INT_PTR>(execute(nullptr, L"open", to_wide(target).c_str(), nullptr,
                                                                   nullptr, SW_SHOWNORMAL)) > kHighestError;
}

bool fill_with_random(std::span<std::uint8_t> bytes) {
    return BCryptGenRandom(nullptr, bytes.data(), static_cast<ULONG>(bytes.size()), BCRYPT_USE_SYSTEM_PREFERRED_RNG) ==
           0;
}

#else

std::string to_text(const fs::path& path) {
    return path.string();
}

fs::path to_path(std::string_view text) {
    return {text};
}

std::string from_code_page(std::string_view text) {
    return std::string(text);
}

std::string message_of(const std::error_code& error) {
    return error.message();
}

void print(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

bool uses_two_bytes_a_letter(std::string_view /*text*/) {
    return false;
}

bool is_first_of_two(char /*byte*/) {
    return false;
}

bool has_own_console() {
    return false;
}

void wait_for_key() {}

bool open_for_viewing(const std::string& /*target*/) {
    return false;
}

bool fill_with_random(std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        bytes = bytes.subspan(got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    return true;
}

#endif

}  // namespace mp::tools
