// Libraries of the system that plugins and crash loggers load: the private Wine must have them with all that they need.
#include <gtest/gtest.h>

#include <windows.h>

namespace {

/// Loads a library and asks it for one function.
void expect_function(const char* library, const char* function) {
    const HMODULE module = LoadLibraryA(library);
    ASSERT_NE(module, nullptr) << library << ": error " << GetLastError();
    EXPECT_NE(GetProcAddress(module, function), nullptr) << library << " has no " << function;
    FreeLibrary(module);
}

TEST(SystemLibraries, User32Loads) {
    expect_function("user32.dll", "MessageBoxA");
}

TEST(SystemLibraries, ImagehlpLoads) {
    expect_function("imagehlp.dll", "CheckSumMappedFile");
}

TEST(SystemLibraries, Shell32Loads) {
    expect_function("shell32.dll", "SHGetFolderPathW");
}

}  // namespace
