#include "host/nvse/guarded_call.h"

#include <windows.h>

namespace mp::host {
namespace {

/// Layout shared with the assembly below.
struct Frame {
    Frame* next;
    void* handler;
    std::uintptr_t frame_pointer;
    GuardedResult* result;
};

}  // namespace
}  // namespace mp::host

extern "C" {

// int mp_host_call_in_frame(function, first, second, result): 1 or 0 = AL of the callee, -1 = faulted.
int mp_host_call_in_frame(const void* function, const void* first, void* second, mp::host::GuardedResult* result);
[[noreturn]] void mp_host_resume(void* frame, std::uintptr_t frame_pointer);

// The function registers itself in the chain at fs:[0], calls, and leaves through the same end in both cases.
asm(R"(
    .text
    .globl _mp_host_call_in_frame
_mp_host_call_in_frame:
    pushl %ebp
    movl  %esp, %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl 20(%ebp)
    pushl %ebp
    pushl $_mp_host_frame_handler
    pushl %fs:0
    movl  %esp, %fs:0
    pushl 16(%ebp)
    pushl 12(%ebp)
    call  *8(%ebp)
    addl  $8, %esp
    movzbl %al, %eax
    testl %eax, %eax
    setne %al
1:  popl  %fs:0
    addl  $12, %esp
    popl  %edi
    popl  %esi
    popl  %ebx
    popl  %ebp
    ret

    .globl _mp_host_resume
_mp_host_resume:
    movl  8(%esp), %ebp
    movl  4(%esp), %esp
    movl  %esp, %fs:0
    movl  $-1, %eax
    jmp   1b
)");

int mp_host_frame_handler(EXCEPTION_RECORD* record, mp::host::Frame* frame, CONTEXT*, void*) {
    constexpr DWORD kUnwinding = 2 | 4;  // EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND
    constexpr int kContinueSearch = 1;
    if ((record->ExceptionFlags & kUnwinding) != 0) {
        return kContinueSearch;
    }
    frame->result->faulted = true;
    frame->result->code = record->ExceptionCode;
    frame->result->address = reinterpret_cast<std::uintptr_t>(record->ExceptionAddress);
    RtlUnwind(frame, nullptr, record, nullptr);
    mp_host_resume(frame, frame->frame_pointer);
}

}  // extern "C"

namespace mp::host {

GuardedResult guarded_call(const void* function, const void* first, void* second) {
    GuardedResult result;
    const int outcome = mp_host_call_in_frame(function, first, second, &result);
    result.value = outcome == 1;
    return result;
}

}  // namespace mp::host
