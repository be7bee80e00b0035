// Import slots of the stand-in's kernel32 directory: a table of consecutive pointers from 0x00FDF054 to 0x00FDF1A4, as
// in the game's read-only data. Eleven of them are documented (game::import_slot); the places of the others are our
// own, and most are imported only so that the table has no holes.
#pragma once

#include "game/addresses.h"

#include <iterator>
#include <string_view>

namespace mp::standin {

struct ImportSlot {
    game::Addr va;
    std::string_view function;
};

// clang-format off
inline constexpr ImportSlot kImportSlots[] = {
    {0x00FDF054, "InitializeCriticalSection"}, {0x00FDF058, "DeleteCriticalSection"},  {0x00FDF05C, "EnterCriticalSection"},
    {0x00FDF060, "GetTickCount"},              {0x00FDF064, "Sleep"},                  {0x00FDF068, "ResumeThread"},
    {0x00FDF06C, "GetCurrentThreadId"},        {0x00FDF070, "GetCurrentProcessId"},    {0x00FDF074, "GetSystemTimeAsFileTime"},
    {0x00FDF078, "GetStartupInfoA"},           {0x00FDF07C, "GlobalMemoryStatusEx"},   {0x00FDF080, "ExitProcess"},
    {0x00FDF084, "GetCommandLineA"},           {0x00FDF088, "GetModuleHandleA"},       {0x00FDF08C, "GetProcAddress"},
    {0x00FDF090, "CreateThread"},              {0x00FDF094, "ExitThread"},             {0x00FDF098, "GetCurrentThread"},
    {0x00FDF09C, "GetCurrentProcess"},         {0x00FDF0A0, "QueryPerformanceCounter"}, {0x00FDF0A4, "SuspendThread"},
    {0x00FDF0A8, "TerminateProcess"},          {0x00FDF0AC, "FreeLibrary"},            {0x00FDF0B0, "LoadLibraryA"},
    {0x00FDF0B4, "GetLastError"},              {0x00FDF0B8, "SetLastError"},           {0x00FDF0BC, "CloseHandle"},
    {0x00FDF0C0, "CreateFileA"},               {0x00FDF0C4, "ReadFile"},               {0x00FDF0C8, "WriteFile"},
    {0x00FDF0CC, "SetFilePointer"},            {0x00FDF0D0, "GetFileSize"},            {0x00FDF0D4, "CreateEventA"},
    {0x00FDF0D8, "SetEvent"},                  {0x00FDF0DC, "ResetEvent"},             {0x00FDF0E0, "CreateMutexA"},
    {0x00FDF0E4, "ReleaseMutex"},              {0x00FDF0E8, "CreateSemaphoreA"},       {0x00FDF0EC, "ReleaseSemaphore"},
    {0x00FDF0F0, "WaitForSingleObject"},       {0x00FDF0F4, "WaitForMultipleObjects"}, {0x00FDF0F8, "TryEnterCriticalSection"},
    {0x00FDF0FC, "InitializeCriticalSectionAndSpinCount"},
    {0x00FDF100, "LeaveCriticalSection"},      {0x00FDF104, "VirtualQuery"},           {0x00FDF108, "VirtualProtect"},
    {0x00FDF10C, "VirtualFree"},               {0x00FDF110, "GetSystemInfo"},          {0x00FDF114, "VirtualAlloc"},
    {0x00FDF118, "TlsAlloc"},                  {0x00FDF11C, "TlsFree"},                {0x00FDF120, "TlsGetValue"},
    {0x00FDF124, "TlsSetValue"},               {0x00FDF128, "InterlockedIncrement"},   {0x00FDF12C, "InterlockedDecrement"},
    {0x00FDF130, "InterlockedExchange"},       {0x00FDF134, "InterlockedCompareExchange"},
    {0x00FDF138, "GetVersionExA"},             {0x00FDF13C, "QueryPerformanceFrequency"},
    {0x00FDF140, "IsDebuggerPresent"},         {0x00FDF144, "SetUnhandledExceptionFilter"},
    {0x00FDF148, "UnhandledExceptionFilter"},  {0x00FDF14C, "RaiseException"},         {0x00FDF150, "GetModuleFileNameA"},
    {0x00FDF154, "GetStdHandle"},              {0x00FDF158, "GetFileType"},            {0x00FDF15C, "SetHandleCount"},
    {0x00FDF160, "GetEnvironmentStrings"},     {0x00FDF164, "FreeEnvironmentStringsA"}, {0x00FDF168, "GetACP"},
    {0x00FDF16C, "GetOEMCP"},                  {0x00FDF170, "GetCPInfo"},              {0x00FDF174, "MultiByteToWideChar"},
    {0x00FDF178, "WideCharToMultiByte"},       {0x00FDF17C, "GetStringTypeA"},         {0x00FDF180, "LCMapStringA"},
    {0x00FDF184, "OutputDebugStringA"},        {0x00FDF188, "lstrlenA"},               {0x00FDF18C, "HeapValidate"},
    {0x00FDF190, "HeapDestroy"},               {0x00FDF194, "HeapCreate"},             {0x00FDF198, "HeapReAlloc"},
    {0x00FDF19C, "HeapSize"},                  {0x00FDF1A0, "HeapAlloc"},              {0x00FDF1A4, "HeapFree"},
};
// clang-format on

/// Compile-time look-up; a name that is not in the table does not compile.
consteval game::Addr import_slot_of(std::string_view function) {
    for (const ImportSlot& slot : kImportSlots) {
        if (slot.function == function) {
            return slot.va;
        }
    }
    throw "no such import";
}

namespace detail {
consteval bool imports_are_consecutive() {
    for (std::size_t i = 0; i < std::size(kImportSlots); ++i) {
        if (kImportSlots[i].va != kImportSlots[0].va + 4 * i) {
            return false;
        }
    }
    return true;
}
}  // namespace detail
static_assert(detail::imports_are_consecutive());
static_assert(import_slot_of("InitializeCriticalSection") == game::import_slot::kInitializeCriticalSection);
static_assert(import_slot_of("DeleteCriticalSection") == game::import_slot::kDeleteCriticalSection);
static_assert(import_slot_of("EnterCriticalSection") == game::import_slot::kEnterCriticalSection);
static_assert(import_slot_of("LeaveCriticalSection") == game::import_slot::kLeaveCriticalSection);
static_assert(import_slot_of("GetTickCount") == game::import_slot::kGetTickCount);
static_assert(import_slot_of("QueryPerformanceCounter") == game::import_slot::kQueryPerformanceCounter);
static_assert(import_slot_of("LoadLibraryA") == game::import_slot::kLoadLibraryA);
static_assert(import_slot_of("VirtualAlloc") == game::import_slot::kVirtualAlloc);
static_assert(import_slot_of("VirtualFree") == game::import_slot::kVirtualFree);
static_assert(import_slot_of("HeapAlloc") == game::import_slot::kHeapAlloc);
static_assert(import_slot_of("HeapFree") == game::import_slot::kHeapFree);

}  // namespace mp::standin
