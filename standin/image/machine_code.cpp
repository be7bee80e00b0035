// Functions that the image holds whole, as the machine code of a compiler that does not optimise. Each listing goes on
// where the site table's first bytes end, so that the calls and the return stand where the table says. `{load}` asks
// for the encoding of register moves that this compiler chooses.
#include "image/functions.h"

#include "map/addresses.h"

#include <vector>

namespace mp::standin {
namespace {

using game::Addr;

struct MachineCode {
    Addr va;
    std::string_view text;  ///< behind the first bytes; ends in front of the epilogue, or jumps to the label end_<va>
    unsigned popped;
    Addr epilogue = 0;  ///< of a function whose return is not in the site table
};

// The compiler's way to make a truth value of a result, to widen it and to test it: 11 bytes.
#define MP_IS_SET "\tneg eax\n\t{load} sbb eax,eax\n\tneg eax\n\tmovzx ecx,al\n\ttest ecx,ecx\n"
#define MP_VIRTUAL_ALLOC "\tcall dword ptr ds:[0x00FDF114]\n"
#define MP_VIRTUAL_FREE "\tcall dword ptr ds:[0x00FDF10C]\n"

constexpr std::string_view kScrapBufferGrow = R"(1:	push 4
	push 0x1000
	mov eax,dword ptr [ebp+0x10]
	push eax
	mov ecx,dword ptr [ebp+8]
	add ecx,dword ptr [ebp+0xC]
	push ecx
)" MP_VIRTUAL_ALLOC MP_IS_SET R"(	jne end_00AA5E30
	mov byte ptr [ebp-5],1
	lea edx,[ebp-5]
	push edx
	mov eax,dword ptr [ebp-4]
	push eax
	push 0
	mov ecx,0x011F6238
	call va_00866A90
	mov dword ptr [ebp-4],eax
	jmp 1b
)";

constexpr std::string_view kScrapBufferShrink = R"(	mov ecx,dword ptr [ebp+8]
	add ecx,dword ptr [ebp+0xC]
	sub ecx,dword ptr [ebp+0x10]
	push ecx
)" MP_VIRTUAL_FREE;

// Other plugins read and change the reservation's size, the operand at 0x00AA5ED1. Its failure is not noticed.
constexpr std::string_view kScrapBufferCreate = R"(	push 0x00800000
	push 0
)" MP_VIRTUAL_ALLOC R"(	mov dword ptr [ebp-8],eax
	mov dword ptr [ebp-4],0
1:	push 4
	push 0x1000
	mov eax,dword ptr [ebp+8]
	push eax
	mov ecx,dword ptr [ebp-8]
	push ecx
)" MP_VIRTUAL_ALLOC MP_IS_SET R"(	jne 2f
	mov byte ptr [ebp-9],1
	lea edx,[ebp-9]
	push edx
	mov eax,dword ptr [ebp-4]
	push eax
	push 0
	mov ecx,0x011F6238
	call va_00866A90
	mov dword ptr [ebp-4],eax
	jmp 1b
2:	mov eax,dword ptr [ebp-8]
)";

constexpr std::string_view kRelease = "\tpush eax\n" MP_VIRTUAL_FREE;

constexpr std::string_view kArenaReserve = R"(1:	mov eax,dword ptr [ebp-8]
	cmp dword ptr [eax+4],0
	jne end_00AA65B0
	push 4
	push 0x2000
	mov ecx,dword ptr [ebp-8]
	mov edx,dword ptr [ecx+0x50]
	push edx
	mov eax,dword ptr [ebp-4]
	shl eax,24
	push eax
)" MP_VIRTUAL_ALLOC R"(	mov ecx,dword ptr [ebp-8]
	mov dword ptr [ecx+4],eax
	mov edx,dword ptr [ebp-4]
	mov eax,dword ptr [ebp-4]
	add eax,1
	mov dword ptr [ebp-4],eax
	cmp edx,255
	jb 2f
	jmp end_00AA65B0
2:	jmp 1b
)";

constexpr std::string_view kPageCommit = R"(	add eax,dword ptr [ecx+4]
	mov edx,dword ptr [ebp+0xC]
	mov dword ptr [edx],eax
	push 4
	push 0x1000
	push 0x1000
	mov eax,dword ptr [ebp+0xC]
	mov ecx,dword ptr [eax]
	push ecx
)" MP_VIRTUAL_ALLOC "\tneg eax\n\t{load} sbb eax,eax\n\tneg eax\n";

constexpr std::string_view kPageDecommit = "\tmov eax,dword ptr [ebp+8]\n\tpush eax\n" MP_VIRTUAL_FREE;

constexpr std::string_view kArenaRelease = "\tmov ecx,dword ptr [eax+4]\n\tpush ecx\n" MP_VIRTUAL_FREE;

// Both tables, one after the other; the known bytes jump into the first loop behind its step.
constexpr std::string_view kZeroTables = R"(	.byte 0x45,0xFC
	add eax,1
	mov dword ptr [ebp-4],eax
	cmp dword ptr [ebp-4],0x100
	jae 1f
	mov ecx,dword ptr [ebp-4]
	mov dword ptr [ecx*4+0x011F67B8],0
	jmp va_00AA6840+15
1:	mov dword ptr [ebp-8],0
	jmp 3f
2:	mov edx,dword ptr [ebp-8]
	add edx,1
	mov dword ptr [ebp-8],edx
3:	cmp dword ptr [ebp-8],0x100
	jae end_00AA6840
	mov eax,dword ptr [ebp-8]
	mov dword ptr [eax*4+0x011F63B8],0
	jmp 2b
)";

// Reads two of the heap's fields into locals that nobody uses.
constexpr std::string_view kBackingReserve = R"(	sub ecx,dword ptr [eax+0x10]
	mov dword ptr [ebp-8],ecx
	mov edx,dword ptr [ebp-0x10]
	movzx eax,byte ptr [edx+0x20F0]
	mov dword ptr [ebp-0xC],eax
	and dword ptr [ebp-0xC],1
	push 4
	push 0x2000
	mov ecx,dword ptr [ebp+8]
	push ecx
	push 0
)" MP_VIRTUAL_ALLOC R"(	mov dword ptr [ebp-4],eax
	cmp dword ptr [ebp-4],0
	je 1f
	push 4
	push 0x1000
	mov edx,dword ptr [ebp+0xC]
	push edx
	mov eax,dword ptr [ebp-4]
	push eax
)" MP_VIRTUAL_ALLOC MP_IS_SET R"(	jne 1f
	push 0x8000
	push 0
	mov edx,dword ptr [ebp-4]
	push edx
)" MP_VIRTUAL_FREE R"(	mov dword ptr [ebp-4],0
1:	mov eax,dword ptr [ebp-4]
)";

constexpr std::string_view kTailCommit = R"(	mov ecx,dword ptr [ebp-8]
	mov edx,dword ptr [ebp+0x10]
	add edx,dword ptr [ecx+0x10]
	mov eax,dword ptr [ebp-8]
	mov ecx,dword ptr [eax+0x10]
	sub ecx,1
	not ecx
	{load} and edx,ecx
	mov dword ptr [ebp+0x10],edx
	push 4
	push 0x1000
	mov edx,dword ptr [ebp+0x10]
	push edx
	mov eax,dword ptr [ebp-4]
	push eax
)" MP_VIRTUAL_ALLOC MP_IS_SET R"(	jne 1f
	mov dword ptr [ebp+0x10],0
1:	mov eax,dword ptr [ebp+0x10]
)";

constexpr std::string_view kTailDecommit = R"(	not ecx
	mov edx,dword ptr [ebp+0x10]
	{load} and edx,ecx
	mov dword ptr [ebp-4],edx
	mov eax,dword ptr [ebp-8]
	mov ecx,dword ptr [ebp-4]
	cmp ecx,dword ptr [eax+0x10]
	jae 1f
	{load} xor eax,eax
	jmp end_00AA7AB0
1:	push 0x4000
	mov edx,dword ptr [ebp-4]
	push edx
	mov eax,dword ptr [ebp+8]
	add eax,dword ptr [ebp+0xC]
	sub eax,dword ptr [ebp-4]
	push eax
)" MP_VIRTUAL_FREE R"(	{load} xor ecx,ecx
	cmp eax,1
	sete cl
	movzx edx,cl
	movzx eax,dl
	test eax,eax
	je 2f
	mov ecx,dword ptr [ebp-4]
	mov dword ptr [ebp+0x10],ecx
	jmp 3f
2:	mov dword ptr [ebp+0x10],0
3:	mov eax,dword ptr [ebp+0x10]
)";

// The flags are the upper four bits of the header's second word.
constexpr std::string_view kInteriorDecommit = R"(	mov dword ptr [ebp-4],ecx
	mov edx,dword ptr [ebp-0x10]
	mov eax,dword ptr [ebp-4]
	cmp eax,dword ptr [edx+0x10]
	jae 1f
	jmp end_00AA7D60
1:	mov ecx,dword ptr [ebp+8]
	add ecx,8
	mov edx,dword ptr [ebp-0x10]
	mov eax,dword ptr [edx+0x10]
	lea ecx,[ecx+eax-1]
	mov edx,dword ptr [ebp-0x10]
	mov eax,dword ptr [edx+0x10]
	sub eax,1
	not eax
	{load} and ecx,eax
	mov dword ptr [ebp-8],ecx
	mov ecx,dword ptr [ebp+8]
	add ecx,8
	mov edx,dword ptr [ebp-8]
	{load} sub edx,ecx
	mov eax,dword ptr [ebp-4]
	{load} sub eax,edx
	mov ecx,dword ptr [ebp-0x10]
	mov edx,dword ptr [ecx+0x10]
	sub edx,1
	not edx
	{load} and eax,edx
	mov dword ptr [ebp-0xC],eax
	mov ecx,dword ptr [ebp-0x10]
	mov edx,dword ptr [ebp-0xC]
	cmp edx,dword ptr [ecx+0x10]
	jb end_00AA7D60
	push 0x4000
	mov eax,dword ptr [ebp-0xC]
	push eax
	mov ecx,dword ptr [ebp-8]
	push ecx
)" MP_VIRTUAL_FREE R"(	mov edx,dword ptr [ebp+8]
	mov eax,dword ptr [edx+4]
	shr eax,28
	or eax,2
	and eax,15
	shl eax,28
	mov ecx,dword ptr [ebp+8]
	mov edx,dword ptr [ecx+4]
	and edx,0x0FFFFFFF
	{load} or edx,eax
	mov eax,dword ptr [ebp+8]
	mov dword ptr [eax+4],edx
	mov dword ptr [ebp-4],0
)";

// A heap without backing ends the process. Where in the function the calls stand is not known.
constexpr std::string_view kReserveBacking = R"(	mov edx,dword ptr [ebp-0xC]
	mov eax,dword ptr [edx+0x14]
	push eax
	mov ecx,dword ptr [ebp-0xC]
	mov edx,dword ptr [ecx]
	mov eax,dword ptr [edx+0x30]
	call eax
	mov ecx,dword ptr [ebp-0xC]
	mov dword ptr [ecx+0x30],eax
	test eax,eax
	jne end_00AA8DD0
	push 0
	call _exit
	jmp end_00AA8DD0
)";

// The rest of `mov ecx,eax`, then the manager's answer: base and cursor, end = base + size, last = 0.
constexpr std::string_view kScrapConstruct = R"(	{load} mov ecx,eax
	call va_00AA59B0
	mov ecx,dword ptr [ebp-8]
	mov dword ptr [ecx],eax
	mov dword ptr [ecx+4],eax
	add eax,dword ptr [ebp+8]
	mov dword ptr [ecx+8],eax
	mov dword ptr [ecx+0xC],0
	.byte 0x90,0x90,0x90
)";

#undef MP_IS_SET
#undef MP_VIRTUAL_ALLOC
#undef MP_VIRTUAL_FREE

constexpr MachineCode kMachineCode[] = {
    {0x00AA4290, "\tadd esp,4\n\tmov dword ptr [ebp-4],eax\n\tmov eax,dword ptr [ebp-4]\n", 8, 0x00AA42AB},
    {0x00AA42C0, "\tadd esp,4\n", 8},
    {0x00AA53F0, "\tmov eax,dword ptr [ebp-4]\n", 0},
    {0x00AA57B0, kScrapConstruct, 4},
    {0x00AA5E30, kScrapBufferGrow, 12},
    {0x00AA5E90, kScrapBufferShrink, 12},
    {0x00AA5EC0, kScrapBufferCreate, 4},
    {0x00AA5F30, kRelease, 8},
    {0x00AA65B0, kArenaReserve, 0},
    {0x00AA6610, kPageCommit, 8},
    {0x00AA6650, kPageDecommit, 4, 0x00AA666B},
    {0x00AA6680, kArenaRelease, 0, 0x00AA669B},
    {0x00AA6840, kZeroTables, 0},
    {0x00AA79A0, kBackingReserve, 8},
    {0x00AA7A30, kRelease, 4},
    {0x00AA7A50, kTailCommit, 12},
    {0x00AA7AB0, kTailDecommit, 12},
    {0x00AA7B20, "", 8},
    // (mov eax,)[ebp+8]; EB 0C of the known bytes jumps over the call
    {0x00AA7B40, "\t.byte 0x45,8\n\tpush eax\n\tmov ecx,dword ptr [ebp-4]\n\tcall va_00AA98F0\n", 8},
    {0x00AA7BE0, "", 8},
    {0x00AA7D60, kInteriorDecommit, 4},
    {0x00AA8DD0, kReserveBacking, 0},
};

/// Loads the IO thread of the index from the array of the manager and calls its function (B.10).
void emit_helpers(ImageWriter& image) {
    constexpr Addr kCall = 0x13;
    const auto emit = [&](const game::Helper& helper, Addr function) {
        image.code.place(helper.va, byte_line("55 8B EC 51 89 4D FC 8B 45 FC 8B 48 50 8B 55 08 8B 0C 91") +
                                        relative(0xE8, helper.va + kCall, function) + byte_line("8B E5 5D C2 04 00"));
    };
    emit(game::helper(0x00866DA0), 0x00867100);
    emit(game::helper(0x00866DC0), 0x00867120);
    emit(game::helper(0x00866DE0), 0x00867140);
}

}  // namespace

void emit_machine_code(ImageWriter& image) {
    for (const MachineCode& function : kMachineCode) {
        const game::Site& site = *game::find_site(function.va);
        image.code.place(function.va, known_bytes(site) + std::string(function.text));
        constexpr Addr kFrameEnd = 3;  // mov esp,ebp; pop ebp
        const Addr epilogue = function.epilogue != 0 ? function.epilogue : site.main_return.va - kFrameEnd;
        image.code.place(epilogue, "end_" + hex8(function.va) + ":\n" + byte_line("8B E5 5D") +
                                       byte_line(return_bytes(function.popped)));
    }
    emit_helpers(image);
    // 13 bytes in all: does nothing
    image.code.place(0x00AA75E0, byte_line("55 8B EC 51 89 4D FC 8B E5 5D C2 08 00"));
}

bool is_machine_code(Addr va) {
    for (const MachineCode& function : kMachineCode) {
        if (function.va == va) {
            return true;
        }
    }
    return false;
}

}  // namespace mp::standin
