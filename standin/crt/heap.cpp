// What the C runtime's heap functions call besides the system: the functions themselves stand whole in the image
// (image/runtime_functions.cpp). Engine contract B.9, G.1. None of these needs the executable's own runtime.
#include "crt/crt.h"

#include "memory/engine.h"

#include <string_view>

namespace mp::standin {
namespace {

using game::Addr;

template <typename Function>
Function handler_at(Addr va) {
    return *at<const Function>(va);
}

struct SystemError {
    std::uint32_t system;
    std::int32_t number;
};

/// The system's errors that a heap can report; every other one is EINVAL.
constexpr SystemError kSystemErrors[] = {
    {6, 9},                      // ERROR_INVALID_HANDLE: EBADF
    {8, game::kErrnoNoMemory},   // ERROR_NOT_ENOUGH_MEMORY
    {14, game::kErrnoNoMemory},  // ERROR_OUTOFMEMORY
    {5, 13},                     // ERROR_ACCESS_DENIED: EACCES
};

void tell(std::string_view text) {
    constexpr auto kErrorOutput = static_cast<std::uint32_t>(-12);  // STD_ERROR_HANDLE
    std::uint32_t written = 0;
    void* const output = sys::call_slot<void*>(import_slot_of("GetStdHandle"), kErrorOutput);
    sys::call_slot<std::int32_t>(import_slot_of("WriteFile"), output, text.data(),
                                 static_cast<std::uint32_t>(text.size()), &written, static_cast<void*>(nullptr));
}

}  // namespace
}  // namespace mp::standin

using namespace mp::standin;

extern "C" {

/// The heap is asked for memory before _heap_init: a message, and the process ends with 255.
void eng_crt_no_heap() {
    constexpr std::uint32_t kExitCode = 255;
    tell("runtime error: the C runtime is not initialised\r\n");
    sys::call_slot<void>(import_slot_of("ExitProcess"), kExitCode);
}

/// Asks the new-handler for memory. 0: there is none, or it gave up.
std::int32_t eng_crt_new_handler(std::uint32_t size) {
    using Handler = std::int32_t(MP_CDECL*)(std::uint32_t);
    const auto handler = handler_at<Handler>(kCrtNewHandler);
    return handler != nullptr && handler(size) != 0 ? 1 : 0;
}

/// Without a handler the process ends with STATUS_INVALID_CRUNTIME_PARAMETER.
void eng_crt_invalid_parameter(const wchar_t* expression, const wchar_t* function, const wchar_t* file,
                               std::uint32_t line, std::uint32_t reserved) {
    using Handler = void(MP_CDECL*)(const wchar_t*, const wchar_t*, const wchar_t*, std::uint32_t, std::uint32_t);
    constexpr std::uint32_t kInvalidRuntimeParameter = 0xC0000417;
    if (const auto handler = handler_at<Handler>(kCrtInvalidParameterHandler)) {
        handler(expression, function, file, line, reserved);
        return;
    }
    sys::call_slot<std::int32_t>(import_slot_of("TerminateProcess"),
                                 sys::call_slot<void*>(import_slot_of("GetCurrentProcess")), kInvalidRuntimeParameter);
}

/// errno of a system error.
std::int32_t eng_crt_error_number(std::uint32_t system_error) {
    for (const SystemError& error : kSystemErrors) {
        if (error.system == system_error) {
            return error.number;
        }
    }
    return mp::game::kErrnoInvalid;
}

}  // extern "C"
