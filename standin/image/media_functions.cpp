// DirectShow sample allocators (engine contract A.1, A.2), whole: every call, jump and return stands where the
// library's does.
#include "image/functions.h"
#include "image/whole_function.h"

namespace mp::standin {
namespace {

/// Pops the samples, destroys each through slot 54h, then gives the buffer back. The loop leads to the third
/// instruction, inside the bytes that a hook displaces.
constexpr std::string_view kReallyFree = R"(
	mov dword ptr [esi+0x28],eax
	mov edx,dword ptr [ecx]
	mov eax,dword ptr [edx+0x54]
	push 1
	call eax
	jmp @3
+1F:
	mov dword ptr [esi+0x3C],0
	mov eax,dword ptr [esi+0x60]
	test eax,eax
	je @42
	push 0x8000
	push 0
	push eax
+35:
	call $VirtualFree
	mov dword ptr [esi+0x60],0
+42:
	pop esi
+43:
	ret
)";

/// No frame pointer; above the cookie: EDI, ESI, EBP, EBX, a local, the exception record at [esp+18h]. ESI = allocator,
/// EDI = its lock, EBX = bytes from sample to sample, EBP = cursor in the buffer, [esp+14h] = the sample's HRESULT.
constexpr std::string_view kAlloc = R"(
	mov eax,$cookie
	xor eax,esp
	push eax
	lea eax,[esp+0x18]
	mov dword ptr fs:[0],eax
+25:
	mov esi,ecx
	xor edi,edi
	mov dword ptr [esp+0x14],edi
	test esi,esi
	je 1f
	lea edi,[esi+0x10]
1:	push edi
+37:
	call $EnterCriticalSection
	mov dword ptr [esp+0x20],0
	mov ecx,esi
+47:
	call va_009FB020
	test eax,eax
	jge @6F
	mov ebx,eax
	push edi
+53:
	call $LeaveCriticalSection
	mov eax,ebx
	mov ecx,dword ptr [esp+0x18]
	mov dword ptr fs:[0],ecx
	pop ecx
	pop edi
	pop esi
	pop ebp
	pop ebx
	add esp,0x10
+6E:
	ret
+6F:
	cmp eax,1
	je 6f
	cmp dword ptr [esi+0x60],0
	je 2f
	mov ecx,esi
+80:
	call va_009FB170
2:	mov ebx,dword ptr [esi+0x48]
	add ebx,dword ptr [esi+0x40]
	mov ecx,dword ptr [esi+0x44]
	cmp ecx,1
	jle 3f
	mov eax,ebx
	cdq
	idiv ecx
	test edx,edx
	je 3f
	sub ecx,edx
	add ebx,ecx
3:	mov eax,dword ptr [esi+0x38]
	imul eax,ebx
	push 4
	push 0x1000
	push eax
	push 0
+B0:
	call $VirtualAlloc
	mov dword ptr [esi+0x60],eax
	test eax,eax
	jne 4f
	push edi
+BE:
	call $LeaveCriticalSection
	mov eax,0x8007000E
	mov ecx,dword ptr [esp+0x18]
	mov dword ptr fs:[0],ecx
	pop ecx
	pop edi
	pop esi
	pop ebp
	pop ebx
	add esp,0x10
+DC:
	ret
4:	mov ebp,eax
5:	mov eax,dword ptr [esi+0x3C]
	cmp eax,dword ptr [esi+0x38]
	jge @128
	push 0x48
+E9:
	call va_00401000
	add esp,4
	test eax,eax
	je 7f
	push dword ptr [esi+0x40]
	mov ecx,dword ptr [esi+0x48]
	add ecx,ebp
	push ecx
	lea edx,[esp+0x1C]
	push edx
	push esi
	push 0
	mov ecx,eax
+109:
	call va_009FCB50
	cmp dword ptr [esp+0x14],0
	jl 7f
	mov ecx,dword ptr [esi+0x28]
	mov dword ptr [eax+0x1C],ecx
	mov dword ptr [esi+0x28],eax
	inc dword ptr [esi+0x2C]
	inc dword ptr [esi+0x3C]
	add ebp,ebx
	jmp 5b
+128:
	and dword ptr [esi+0x4C],0
6:	xor ebx,ebx
	jmp 8f
7:	mov ebx,0x8007000E
8:	push edi
+138:
	call $LeaveCriticalSection
	mov eax,ebx
	mov ecx,dword ptr [esp+0x18]
	mov dword ptr fs:[0],ecx
	pop ecx
	pop edi
	pop esi
	pop ebp
	pop ebx
	add esp,0x10
+153:
	ret
)";

/// Destructor in two parts around the call that is known.
void emit_destructor(ImageWriter& image) {
    image.code.place(0x009FB1C0,
                     byte_line("56 8B F1 56") + "\tcall _eng_009FB1C0\n" + byte_line("59") + "\tjmp va_009FB205\n");
    image.code.place(0x009FB205, byte_line("8B CE"));
    image.code.place(0x009FB207, relative(0xE8, 0x009FB207, 0x009FB170));
    image.code.place(0x009FB20C, byte_line("56") + "\tcall _eng_009FB20C\n" + byte_line("59 5E C3"));
}

}  // namespace

void emit_media_functions(ImageWriter& image) {
    image.code.place(0x009FB170, whole_function(0x009FB170, kReallyFree));
    image.code.place(0x009FCC60, whole_function(0x009FCC60, kAlloc));
    emit_destructor(image);
}

}  // namespace mp::standin
