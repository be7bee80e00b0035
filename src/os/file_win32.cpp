#include "os/file.h"

#include <cstring>

#include "os/os_common.h"
#include "os/win32.h"

namespace mp::os {

namespace {

using detail::must_fail;
using detail::Wide;

/// What a test's fault hook stands for.
constexpr FileError kInjected = ERROR_DISK_FULL;

FileError error_unless(BOOL done) noexcept {
    return done != 0 ? 0 : GetLastError();
}

/// Goes through UTF-16 from one code page to another.
void convert(unsigned from, DWORD flags, unsigned to, char* text, std::size_t capacity) noexcept {
    wchar_t wide[kMaxPath];
    if (MultiByteToWideChar(from, flags, text, -1, wide, kMaxPath) != 0) {
        WideCharToMultiByte(to, 0, wide, -1, text, static_cast<int>(capacity), nullptr, nullptr);
        text[capacity - 1] = '\0';
    }
}

}  // namespace

std::FILE* open_file(const char* path, const char* mode) noexcept {
    return _wfopen(Wide(path).text, Wide(mode).text);
}

FileErrorText describe(FileError error) noexcept {
    FileErrorText out;
    const char* words = nullptr;
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        words = "the folder is not there";
        break;
    case ERROR_ACCESS_DENIED:
        words = "access denied";
        break;
    case ERROR_WRITE_PROTECT:
        words = "the disk is write-protected";
        break;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
        words = "another program holds it";
        break;
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_DISK_FULL:
        words = "the disk is full";
        break;
    default:
        break;
    }
    if (words != nullptr) {
        std::snprintf(out.text, sizeof out.text, "%s", words);
    } else {
        std::snprintf(out.text, sizeof out.text, "error %u of the system", unsigned{error});
    }
    return out;
}

FileError AppendFile::create(const char* path) noexcept {
    close();
    if (must_fail(Call::create_file)) {
        return kInjected;
    }
    HANDLE file = CreateFileW(Wide(path).text, GENERIC_WRITE, FILE_SHARE_READ, nullptr, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    handle_ = file;
    return 0;
}

FileError AppendFile::write(const void* data, std::size_t size) noexcept {
    if (must_fail(Call::write_file)) {
        return kInjected;
    }
    DWORD written = 0;
    const FileError error = error_unless(WriteFile(handle_, data, static_cast<DWORD>(size), &written, nullptr));
    return error == 0 && written != size ? FileError{ERROR_DISK_FULL} : error;
}

void AppendFile::close() noexcept {
    if (handle_ != nullptr) {
        CloseHandle(handle_);
        handle_ = nullptr;
    }
}

bool file_exists(const char* path) noexcept {
    return GetFileAttributesW(Wide(path).text) != INVALID_FILE_ATTRIBUTES;
}

FileError rename_file(const char* from, const char* to) noexcept {
    return error_unless(MoveFileExW(Wide(from).text, Wide(to).text, MOVEFILE_REPLACE_EXISTING));
}

void remove_file(const char* path) noexcept {
    DeleteFileW(Wide(path).text);
}

FileError make_folder_of(const char* path) noexcept {
    wchar_t folder[kMaxPath];
    const Wide whole(path);
    FileError error = 0;  // of the last one: a program may see a folder and none of those above it
    for (std::size_t i = 0; whole.text[i] != L'\0'; ++i) {
        folder[i] = whole.text[i];
        const bool ends_folder = folder[i] == L'\\' || folder[i] == L'/';
        if (ends_folder && i != 0 && folder[i - 1] != L':') {
            folder[i] = L'\0';
            error = error_unless(CreateDirectoryW(folder, nullptr));
            folder[i] = whole.text[i];
        }
    }
    return error == ERROR_ALREADY_EXISTS ? 0 : error;
}

bool game_documents_folder(char* out, std::size_t capacity) noexcept {
    // Not imported: the game has it loaded, and hardly any start needs it.
    using GetFolderPath = HRESULT(WINAPI*)(HWND, int, HANDLE, DWORD, wchar_t*);
    constexpr int kDocuments = 5;  // CSIDL_PERSONAL
    constexpr char kGame[] = "\\My Games\\FalloutNV\\";
    const HMODULE shell = LoadLibraryW(L"shell32.dll");
    const auto get = shell != nullptr ? detail::find_function<GetFolderPath>(shell, "SHGetFolderPathW") : nullptr;
    wchar_t documents[MAX_PATH];
    if (get == nullptr || get(nullptr, kDocuments, nullptr, 0, documents) != S_OK ||
        !detail::to_utf8(documents, out, capacity) || std::strlen(out) + sizeof kGame > capacity) {
        return false;
    }
    std::strcat(out, kGame);
    return true;
}

void code_page_to_utf8(char* text, std::size_t capacity) noexcept {
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, nullptr, 0) == 0) {
        convert(CP_ACP, 0, CP_UTF8, text, capacity);
    }
}

void utf8_to_code_page(char* text, std::size_t capacity) noexcept {
    convert(CP_UTF8, 0, CP_ACP, text, capacity);
}

}  // namespace mp::os
