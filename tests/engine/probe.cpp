#include "probe.h"

// The arguments go on the stack, the registers get marks, and the stack pointer is compared right before and right
// after the call instruction. The frame pointer is kept in memory, so that even a function that loses it is survived.
asm(R"(
    .data
probe_frame:  .long 0
probe_stack:  .long 0
    .text
    .globl _probe_call
_probe_call:
    push %ebp
    movl %esp, %ebp
    push %ebx
    push %esi
    push %edi
    movl 8(%ebp), %eax
    movl 12(%eax), %edx
    movl 8(%eax), %ecx
1:  testl %edx, %edx
    jz 2f
    decl %edx
    pushl (%ecx,%edx,4)
    jmp 1b
2:  movl %ebp, probe_frame
    movl %esp, probe_stack
    movl 4(%eax), %ecx
    movl $0x11111111, %ebx
    movl $0x22222222, %esi
    movl $0x33333333, %edi
    movl $0xDEADBEEF, %edx
    call *(%eax)
    movl %esp, %edx
    subl probe_stack, %edx
    movl $1, %ecx
    cmpl $0x11111111, %ebx
    jne 3f
    cmpl $0x22222222, %esi
    jne 3f
    cmpl $0x33333333, %edi
    jne 3f
    cmpl probe_frame, %ebp
    je 4f
3:  xorl %ecx, %ecx
4:  movl probe_frame, %ebp
    leal -12(%ebp), %esp
    movl 8(%ebp), %ebx
    movl %eax, 16(%ebx)
    movl %edx, 20(%ebx)
    movl %ecx, 24(%ebx)
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret
)");

namespace mp::standin::test {
namespace {

std::uint32_t exception_chain() {
    std::uint32_t head = 0;
    asm volatile("movl %%fs:0, %0" : "=r"(head));
    return head;
}

}  // namespace

std::uint32_t Probe::call(game::Addr function, const void* self, std::initializer_list<std::uint32_t> words) {
    ProbeCall one{function, word(self), words.begin(), static_cast<std::uint32_t>(words.size()), 0, 0, 0};
    const std::uint32_t chain = exception_chain();
    probe_call(&one);
    const bool kept = one.kept != 0 && exception_chain() == chain;
    Seen& seen = seen_[function];
    seen.same_each_time = seen.same_each_time && (seen.calls == 0 || seen.popped == one.popped);
    seen.registers_kept = seen.registers_kept && kept;
    seen.popped = one.popped;
    ++seen.calls;
    return one.result;
}

}  // namespace mp::standin::test
