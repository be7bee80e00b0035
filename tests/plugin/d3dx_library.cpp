// Stands for a d3dx9_38.dll in the game's folder: Microsoft's, which has the function itself, or one that passes it on
// (d3dx_library.def).
#include <windows.h>

#if defined(MP_HAS_FUNCTION)
// NOLINTNEXTLINE(readability-identifier-naming): Microsoft's
extern "C" __declspec(dllexport) int D3DXCheckVersion(unsigned /*d3d*/, unsigned /*d3dx*/) {
    return TRUE;
}
#endif

BOOL WINAPI DllMain(HINSTANCE /*module*/, DWORD /*reason*/, void* /*process_ends*/) {
    return TRUE;
}
