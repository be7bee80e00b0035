// A DLL that is no plugin.
extern "C" __declspec(dllexport) int probe_library_answer();
extern "C" int probe_library_answer() {
    return 42;
}
