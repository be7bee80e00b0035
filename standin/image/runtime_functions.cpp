// The C runtime's heap functions (engine contract A.17 to A.19, B.9, G.1), whole: every call, every return and every
// local block stands where the library's does. What is C++ are the helpers that the library calls too: the new-handler,
// the invalid-parameter handler, the lock, and the bookkeeping of the small-block heap.
#include "image/functions.h"
#include "image/whole_function.h"
#include "image/whole_functions.h"

namespace mp::standin {
namespace {

using game::Addr;

struct Function {
    Addr va;
    std::string_view text;
    std::string_view unknown = {};  ///< first bytes that the table does not know
};

/// Address of the thread's error number, in the game's thread-local storage. Keeps the system's last error.
constexpr std::string_view kErrnoText = R"(
	mov ecx,dword ptr fs:[0x2C]
	mov eax,dword ptr ds:[0x0126FD98]
	mov eax,dword ptr [ecx+eax*4]
	add eax,0x4A0
	ret
)";

/// EDI = HeapAlloc throughout. The tail behind the main part serves requests that are too large.
constexpr std::string_view kMalloc = R"(
	push ebx
	push edi
	mov edi,$HeapAlloc
+1A:
	cmp $heap,0
	jne @3B
	call _eng_crt_no_heap
+3B:
	mov eax,$active_heap
	cmp eax,1
	jne 2f
	mov eax,esi
	test esi,esi
	jne 1f
	inc eax
1:	push eax
	jmp @6F
2:	cmp eax,3
	jne 3f
	push esi
	call _eng_crt_small_malloc
	pop ecx
	test eax,eax
	jne @79
3:	test esi,esi
	jne 4f
	inc esi
4:	add esi,0xF
	and esi,-16
	push esi
+6F:
	push 0
	push $heap
+77:
	call edi
+79:
	mov ebx,eax
	test ebx,ebx
	jne @AD
	cmp $new_mode,0
	je @9F
	push esi
	call _eng_crt_new_handler
	pop ecx
	test eax,eax
	je @9F
	mov esi,dword ptr [ebp+8]
	jmp @1A
+9F:
	call va_00EC85E3
	mov dword ptr [eax],12
+AD:
	pop edi
	mov eax,ebx
	pop ebx
	jmp @C7
gap B3:
	push esi
	call _eng_crt_new_handler
	pop ecx
	call va_00EC85E3
	mov dword ptr [eax],12
	xor eax,eax
+C7:
	pop esi
	pop ebp
+C9:
	ret
)";

/// A small block is given back under the lock, which the block at +56 leaves.
constexpr std::string_view kFree = R"(
	.byte 0xF6
+11:
	je @88
	cmp $active_heap,3
	jne @5F
	push 4
	call _eng_crt_lock
	pop ecx
	and dword ptr [ebp-4],0
	push esi
	call _eng_crt_small_find
	pop ecx
	mov dword ptr [ebp-0x1C],eax
	test eax,eax
	je @3F
	push esi
	push eax
+38:
	call va_00EDE263
	pop ecx
	pop ecx
+3F:
	mov dword ptr [ebp-4],-2
+46:
	call @56
	cmp dword ptr [ebp-0x1C],0
	jne @88
	push dword ptr [ebp+8]
	jmp @60
+56:
	push 4
	call _eng_crt_unlock
	pop ecx
+5E:
	ret
+5F:
	push esi
+60:
	push 0
	push $heap
+68:
	call $HeapFree
	test eax,eax
	jne @88
	call va_00EC85E3
	mov esi,eax
	call $GetLastError
	push eax
	call _eng_crt_error_number
	mov dword ptr [esi],eax
	pop ecx
+88:
	call va_00ED1759
+8D:
	ret
)";

/// EDI = 0. The block at +9A leaves the lock; the main return stands before it.
constexpr std::string_view kSize = R"(
	.byte 0x08
+11:
	xor edi,edi
	test ebx,ebx
+1A:
	jne @39
	call va_00EC85E3
	mov dword ptr [eax],22
	push edi
	push edi
	push edi
	push edi
	push edi
+2C:
	call _eng_crt_invalid_parameter
	add esp,0x14
	or eax,-1
+37:
	jmp @8C
+39:
	cmp $active_heap,3
	jne @7A
	push 4
	call _eng_crt_lock
	pop ecx
	mov dword ptr [ebp-4],edi
	push ebx
	call _eng_crt_small_find
	pop ecx
	mov dword ptr [ebp-0x20],eax
	cmp eax,edi
	je @66
	mov esi,dword ptr [ebx-4]
	sub esi,9
	mov dword ptr [ebp-0x1C],esi
	jmp @69
+66:
	mov esi,dword ptr [ebp-0x1C]
+69:
	mov dword ptr [ebp-4],-2
+70:
	call @9A
	cmp dword ptr [ebp-0x20],edi
	jne @8A
+7A:
	push ebx
	push edi
	push $heap
+82:
	call $HeapSize
	mov esi,eax
+8A:
	mov eax,esi
+8C:
	call va_00ED1759
+91:
	ret
gap 9A:
	push 4
	call _eng_crt_unlock
	pop ecx
+A2:
	ret
)";

/// Up to +1D4 the small-block half, from there the system heap's; EBX = old block, ESI = size. The block at +144 leaves
/// the lock, the main return is at +1F2.
constexpr std::string_view kRealloc = R"(
	.byte 0xDB
+11:
	jne @21
	push dword ptr [ebp+0xC]
+16:
	call va_00ECD1C7
	pop ecx
	jmp @1ED
+21:
	mov esi,dword ptr [ebp+0xC]
	test esi,esi
	jne @34
	push ebx
+29:
	call va_00ECD291
	pop ecx
	jmp @1EB
+34:
	cmp $active_heap,3
	jne @1D4
+41:
	xor edi,edi
	mov dword ptr [ebp-0x1C],edi
	cmp esi,-32
	ja @1D9
	push 4
	call _eng_crt_lock
	pop ecx
	mov dword ptr [ebp-4],edi
	push ebx
	call _eng_crt_small_find
	pop ecx
	mov dword ptr [ebp-0x20],eax
	cmp eax,edi
	je @10A
	cmp esi,0x3F8
	ja @BD
	push esi
	push ebx
	push eax
+77:
	call _eng_crt_small_resize
	add esp,0xC
	test eax,eax
	je @88
	mov dword ptr [ebp-0x1C],ebx
	jmp @BD
+88:
	push esi
	call _eng_crt_small_allocate
	pop ecx
	mov dword ptr [ebp-0x1C],eax
	cmp eax,edi
	je @BD
	mov eax,dword ptr [ebx-4]
	dec eax
	cmp eax,esi
	jb @A0
	mov eax,esi
+A0:
	push eax
	push ebx
	push dword ptr [ebp-0x1C]
	call _memcpy
	push ebx
	call _eng_crt_small_find
	mov dword ptr [ebp-0x20],eax
	push ebx
	push eax
+B5:
	call va_00EDE263
	add esp,0x18
+BD:
	cmp dword ptr [ebp-0x1C],edi
	jne @10A
	cmp esi,edi
	jne 1f
	xor esi,esi
	inc esi
	mov dword ptr [ebp+0xC],esi
1:	add esi,0xF
	and esi,-16
	mov dword ptr [ebp+0xC],esi
	push esi
	push edi
	push $heap
+DD:
	call $HeapAlloc
	mov dword ptr [ebp-0x1C],eax
	cmp eax,edi
	je @10A
	mov eax,dword ptr [ebx-4]
	dec eax
	cmp eax,esi
	jb @F4
	mov eax,esi
+F4:
	push eax
	push ebx
	push dword ptr [ebp-0x1C]
	call _memcpy
	push ebx
	push dword ptr [ebp-0x20]
+102:
	call va_00EDE263
	add esp,0x14
+10A:
	mov dword ptr [ebp-4],-2
+111:
	call @144
	cmp dword ptr [ebp-0x20],0
	jne @14D
	test esi,esi
	jne 2f
	inc esi
2:	add esi,0xF
	and esi,-16
	mov dword ptr [ebp+0xC],esi
	push esi
	push ebx
	push 0
	push $heap
+134:
	call $HeapReAlloc
	mov edi,eax
	jmp @150
gap 144:
	push 4
	call _eng_crt_unlock
	pop ecx
+14C:
	ret
+14D:
	mov edi,dword ptr [ebp-0x1C]
+150:
	test edi,edi
	jne @217
	cmp $new_mode,edi
	je @18C
	push esi
	call _eng_crt_new_handler
	pop ecx
	test eax,eax
	jne @41
	call va_00EC85E3
	cmp dword ptr [ebp-0x20],edi
	jne @1E5
+179:
	mov esi,eax
	call $GetLastError
	push eax
	call _eng_crt_error_number
	pop ecx
	mov dword ptr [esi],eax
	jmp @1EB
+18C:
	test edi,edi
	jne @217
	call va_00EC85E3
	cmp dword ptr [ebp-0x20],edi
	je @206
	mov dword ptr [eax],12
	jmp @217
+1A6:
	test esi,esi
	jne 3f
	inc esi
3:	push esi
	push ebx
	push 0
	push $heap
+1B5:
	call $HeapReAlloc
	mov edi,eax
	test edi,edi
	jne @217
	cmp $new_mode,eax
	je @1FD
	push esi
	call _eng_crt_new_handler
	pop ecx
	test eax,eax
	je @1F3
+1D4:
	cmp esi,-32
	jbe @1A6
+1D9:
	push esi
	call _eng_crt_new_handler
	pop ecx
	call va_00EC85E3
+1E5:
	mov dword ptr [eax],12
+1EB:
	xor eax,eax
+1ED:
	call va_00ED1759
+1F2:
	ret
+1F3:
	call va_00EC85E3
	jmp @179
gap 1FD:
	test edi,edi
	jne @217
	call va_00EC85E3
+206:
	mov esi,eax
	call $GetLastError
	push eax
	call _eng_crt_error_number
	mov dword ptr [esi],eax
	pop ecx
+217:
	mov eax,edi
	jmp @1ED
)";

/// cdecl(count, size, int* error). EDI = 0, ESI = bytes. The block at +FC leaves the lock.
constexpr std::string_view kCallocImplText = R"(
	push 0xC
	push 0x0117FF50
+7:
	call va_00ED1714
	mov ecx,dword ptr [ebp+8]
	xor edi,edi
	cmp ecx,edi
	jbe @43
	push -32
	pop eax
	xor edx,edx
	div ecx
	cmp eax,dword ptr [ebp+0xC]
+22:
	jae @43
	call va_00EC85E3
	mov dword ptr [eax],12
	push edi
	push edi
	push edi
	push edi
	push edi
+34:
	call _eng_crt_invalid_parameter
	add esp,0x14
+3C:
	xor eax,eax
	jmp @118
+43:
	imul ecx,dword ptr [ebp+0xC]
	mov esi,ecx
	mov dword ptr [ebp+0xC],esi
	cmp esi,edi
	jne @53
	xor esi,esi
	inc esi
+53:
	xor ebx,ebx
	mov dword ptr [ebp-0x1C],ebx
	cmp esi,-32
	ja @C6
	cmp $active_heap,3
	jne @B1
	add esi,0xF
	and esi,-16
	cmp dword ptr [ebp+0xC],0x3F8
+78:
	ja @B1
	push 4
	call _eng_crt_lock
	pop ecx
	mov dword ptr [ebp-4],edi
	push dword ptr [ebp+0xC]
	call _eng_crt_small_allocate
	pop ecx
	mov dword ptr [ebp-0x1C],eax
	mov dword ptr [ebp-4],-2
+98:
	call @FC
	mov ebx,dword ptr [ebp-0x1C]
	cmp ebx,edi
	je @B5
	push dword ptr [ebp+0xC]
	push edi
	push ebx
	call _memset
	add esp,0xC
+B1:
	cmp ebx,edi
	jne @116
+B5:
	push esi
	push 8
	push $heap
+BE:
	call $HeapAlloc
	mov ebx,eax
+C6:
	cmp ebx,edi
	jne @116
	cmp $new_mode,edi
	je @105
	push esi
	call _eng_crt_new_handler
	pop ecx
	test eax,eax
	jne @53
	mov eax,dword ptr [ebp+0x10]
	cmp eax,edi
	je @3C
	mov dword ptr [eax],12
	jmp @3C
gap FC:
	push 4
	call _eng_crt_unlock
	pop ecx
+104:
	ret
+105:
	cmp ebx,edi
	jne @116
	mov eax,dword ptr [ebp+0x10]
	cmp eax,edi
	je @116
	mov dword ptr [eax],12
+116:
	mov eax,ebx
+118:
	call va_00ED1759
+11D:
	ret
)";

constexpr std::string_view kCalloc = R"(
	.byte 0x75,0x0C,0xFF,0x75,0x08
+15:
	call va_00EE15E2
	mov esi,eax
	add esp,0xC
	test esi,esi
	jne @3B
	cmp dword ptr [ebp-4],eax
	je @3B
	call va_00EC85E3
	test eax,eax
	je @3B
	call va_00EC85E3
	mov ecx,dword ptr [ebp-4]
	mov dword ptr [eax],ecx
+3B:
	mov eax,esi
	pop esi
	leave
+3F:
	ret
)";

/// EBX = bytes of the old block, ESI = bytes wanted.
constexpr std::string_view kRecalloc = R"(
	.byte 0xE0
	pop eax
	xor edx,edx
	div ecx
	cmp eax,dword ptr [ebp+0x10]
	jae @37
	call va_00EC85E3
	mov dword ptr [eax],12
	push ebx
	push ebx
	push ebx
	push ebx
	push ebx
+2B:
	call _eng_crt_invalid_parameter
	add esp,0x14
	xor eax,eax
	jmp @78
+37:
	imul ecx,dword ptr [ebp+0x10]
	push esi
	mov esi,ecx
	cmp dword ptr [ebp+8],ebx
	push edi
	je @4F
	push dword ptr [ebp+8]
+47:
	call va_00ECD31F
	pop ecx
	mov ebx,eax
+4F:
	push esi
	push dword ptr [ebp+8]
+53:
	call va_00ECCF5D
	mov edi,eax
	pop ecx
	pop ecx
	test edi,edi
	je @74
	cmp ebx,esi
	jae @74
	sub esi,ebx
	push esi
	push 0
	add ebx,edi
	push ebx
+6C:
	call _memset
	add esp,0xC
+74:
	mov eax,edi
	pop edi
	pop esi
+78:
	pop ebx
	pop ebp
+7A:
	ret
)";

/// The four _crt variants: call, and while there is nothing and the longest wait allows it, Sleep and call again. ESI =
/// milliseconds of the next wait.
std::string repeated_call(std::string_view call, unsigned words, bool nothing_for_size_0) {
    const std::string pops = words > 2 ? "\tadd esp,0xC\n" : words == 2 ? "\tpop ecx\n\tpop ecx\n" : "\tpop ecx\n";
    const std::string size_0 =
        nothing_for_size_0 ? fmt::format("\tcmp dword ptr [ebp+{}],eax\n\tje 3f\n", 4 + 4 * words) : "";
    return std::string(call) + "\tmov edi,eax\n" + pops + "\ttest edi,edi\n\tjne 3f\n" + size_0 + R"(
	cmp $longest_wait,eax
	jbe 3f
	push esi
	call $Sleep
	lea eax,[esi+1000]
	cmp eax,$longest_wait
	jbe 2f
	or eax,-1
2:	mov esi,eax
	cmp eax,-1
	jne @9
3:	mov eax,edi
	pop edi
	pop esi
	pop ebp
	ret
)";
}

/// _heap_init: cdecl(threads); 0 asks for a heap without a lock. Initial size 1000h, no maximum.
constexpr std::string_view kHeapInit = R"(
	.byte 0x8B,0xFF,0x55,0x8B,0xEC
	xor eax,eax
	cmp dword ptr [ebp+8],eax
	push 0
	sete al
	push 0x1000
	push eax
	call $HeapCreate
	mov $heap,eax
	test eax,eax
	jne 1f
	pop ebp
	ret
1:	xor eax,eax
	inc eax
	mov $active_heap,eax
	pop ebp
+2F:
	ret
)";

/// ESI = block, EDI = its group, later ESI = VirtualFree and EBX = 8000h. The bookkeeping answers: -1 the block was
/// free already, 0 nothing more to do, 1 its group is empty now.
constexpr std::string_view kSmallFree = R"(
	push edi
	mov edi,esi
	sub edi,dword ptr [ecx+0xC]
	shr edi,15
	push esi
	push ecx
	call _eng_crt_small_give_back
	pop ecx
	pop ecx
	test eax,eax
+39:
	js @312
	push ebx
	jmp @216
gap 216:
	test eax,eax
+218:
	je @311
	mov eax,$deferred_header
	test eax,eax
	je @303
	mov ecx,$deferred_group
	mov esi,$VirtualFree
	push 0x4000
	shl ecx,15
	add ecx,dword ptr [eax+0xC]
	mov ebx,0x8000
	push ebx
	push ecx
+249:
	call esi
	call _eng_crt_small_group_gone
	test eax,eax
	je @303
	mov eax,$deferred_header
	push ebx
	push 0
	push dword ptr [eax+0xC]
+2A4:
	call esi
	mov eax,$deferred_header
	push dword ptr [eax+0x10]
	push 0
	push $heap
+2B6:
	call $HeapFree
	push dword ptr [ebp+8]
	call _eng_crt_small_region_gone
	pop ecx
	mov dword ptr [ebp+8],eax
+303:
	mov eax,dword ptr [ebp+8]
	mov $deferred_header,eax
	mov $deferred_group,edi
+311:
	pop ebx
+312:
	pop edi
	pop esi
	leave
+315:
	ret
)";

constexpr std::string_view kSmallRegion = R"(
+11:
	jne @47
	call _eng_crt_small_grow_list
	test eax,eax
	jne 2f
+31:
	xor eax,eax
	jmp @AD
2:	mov esi,$header_count
+47:
	imul esi,esi,20
	add esi,$headers
	push 0x41C4
	push 8
	push $heap
+5D:
	call $HeapAlloc
	mov dword ptr [esi+0x10],eax
	cmp eax,edi
	je @31
	push 4
	push 0x2000
	push 0x100000
	push edi
+77:
	call $VirtualAlloc
	mov dword ptr [esi+0xC],eax
	cmp eax,edi
	jne @96
	push dword ptr [esi+0x10]
	push edi
	push $heap
+8E:
	call $HeapFree
	jmp @31
+96:
	or dword ptr [esi+8],-1
	mov dword ptr [esi],edi
	mov dword ptr [esi+4],edi
	inc $header_count
	mov eax,dword ptr [esi+0x10]
	or dword ptr [eax],-1
	mov eax,esi
+AD:
	pop edi
	pop esi
+AF:
	ret
)";

/// EBX = group, ESI = region descriptor, [ebp-8] = the group in it. First the 64 empty rings, then the memory, then its
/// eight pages, each one free entry in the last ring.
constexpr std::string_view kSmallGroup = R"(
	push edi
	xor ebx,ebx
	jmp @1A
+17:
	add eax,eax
	inc ebx
+1A:
	test eax,eax
	jge @17
	imul eax,ebx,0x204
	lea eax,[eax+esi+0x144]
	mov dword ptr [ebp-8],eax
	push 64
	pop edx
+33:
	mov dword ptr [eax+4],eax
	mov dword ptr [eax+8],eax
	add eax,8
	dec edx
	jne @33
	mov edi,ebx
	shl edi,15
	add edi,dword ptr [ecx+0xC]
	push 4
	push 0x1000
	push 0x8000
	push edi
+54:
	call $VirtualAlloc
	test eax,eax
	jne @66
	or eax,-1
	jmp @103
+66:
	mov edx,dword ptr [ebp-8]
	mov dword ptr [edx],0
	add edx,0x1F8
	lea ecx,[edi+0x8000]
1:	or dword ptr [edi+8],-1
	or dword ptr [edi+0xFFC],-1
	mov dword ptr [edi+0xC],0xFF0
	mov dword ptr [edi+0xFF8],0xFF0
	mov eax,dword ptr [edx+8]
	mov dword ptr [edi+0x10],edx
	mov dword ptr [edi+0x14],eax
	add edi,0xC
	mov dword ptr [eax+4],edi
	mov dword ptr [edx+8],edi
	add edi,0xFF4
	cmp edi,ecx
	jb 1b
	mov edx,0x80000000
	mov ecx,ebx
	shr edx,cl
	not edx
	mov ecx,dword ptr [ebp+8]
	and dword ptr [ecx+8],edx
	or dword ptr [esi+ebx*4+0xC4],1
	inc byte ptr [esi+0x43]
	or dword ptr [ecx+4],1
	mov eax,ebx
+103:
	pop edi
	pop esi
	pop ebx
	leave
+107:
	ret
)";

/// Count and capacity as the library orders its variables around the heap selector.
constexpr std::string_view kCapacityAndCount = "40 09 27 01 30 09 27 01";

}  // namespace

void emit_runtime_functions(ImageWriter& image) {
    const Function functions[] = {
        {game::code::kErrno, kErrnoText},
        {0x00ECCF5D, kRealloc},
        {0x00ECD1C7, kMalloc},
        {0x00ECD291, kFree},
        {0x00ECD31F, kSize},
        {game::code::kHeapInit, kHeapInit},
        {0x00EDDD7D, kCalloc},
        {0x00EDE263, kSmallFree},
        {0x00EDE579, kSmallRegion, kCapacityAndCount},
        {0x00EDE629, kSmallGroup},
        {kCallocImpl, kCallocImplText},
        {0x00EE1700, kRecalloc},
    };
    for (const Function& f : functions) {
        image.code.place(f.va, whole_function(f.va, f.text, f.unknown));
    }
    // The rest of the known bytes' last instruction, and the call.
    const std::pair<Addr, std::string> repeated[] = {
        {0x00ED0CDF, repeated_call("\t.byte 0xFF\n", 1, false)},
        {0x00ED0D24, repeated_call("\t.byte 0x08\n\tcall va_00EE15E2\n", 3, false)},
        {0x00ED0D70, repeated_call(fmt::format("\t.long 0x{:08X}\n", Addr{0x00ECCF5D} - 0x00ED0D84), 2, true)},
        {0x00ED0DBE, repeated_call("\t.byte 0x75,0x08\n\tcall va_00EE1700\n", 3, true)},
    };
    for (const auto& [va, text] : repeated) {
        image.code.place(va, whole_function(va, text));
    }
}

}  // namespace mp::standin
