/* Keeps one Wine session alive, so that every further start takes hundredths of a second and inherits nothing from the
 * program that happened to come first. Lets each program's MP_DOCUMENTS say where its Documents are (Wine would take
 * the home of who runs it). Writes the file named by its argument when it is up, then sleeps. Ends by itself after its
 * lifetime, so that a forgotten session does not stay for ever. */
#include <windows.h>

enum { kLifetimeMs = 6 * 60 * 60 * 1000 };

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    static const char kDocuments[] = "%MP_DOCUMENTS%";
    if (RegSetKeyValueA(HKEY_CURRENT_USER, "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders",
                        "Personal", REG_EXPAND_SZ, kDocuments, sizeof kDocuments) != ERROR_SUCCESS) {
        return 1;
    }
    HANDLE ready = CreateFileA(argv[1], GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (ready == INVALID_HANDLE_VALUE) {
        return 1;
    }
    CloseHandle(ready);
    Sleep(kLifetimeMs);
    return 0;
}
