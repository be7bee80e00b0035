#include "image/functions.h"

#include "map/addresses.h"
#include "map/functions.h"
#include "map/import_slots.h"

namespace mp::standin {
namespace {

using game::Addr;

std::string call_import(std::string_view bytes_before, Addr slot) {
    return (bytes_before.empty() ? "" : byte_line(bytes_before)) +
           fmt::format("\t.byte 0xFF,0x15\n\t.long 0x{:08X}\n", slot);
}

/// Frames of the CRT functions that start with `6A size 68 table E8`: on return EBP points to the caller's saved EBP,
/// the exception record stands at [ebp-10h] .. [ebp-4], EBX, ESI and EDI lie on top of the locals.
void emit_runtime_frames(ImageWriter& image) {
    image.code.place(0x00ED1714, R"(	push offset va_00ED1780
	push dword ptr fs:[0]
	mov eax,dword ptr [esp+0x10]
	mov dword ptr [esp+0x10],ebp
	lea ebp,[esp+0x10]
	sub esp,eax
	push ebx
	push esi
	push edi
	push dword ptr [ebp-8]
	mov eax,dword ptr [ebp-4]
	mov dword ptr [ebp-8],eax
	mov dword ptr [ebp-4],-2
	lea eax,[ebp-0x10]
	mov dword ptr fs:[0],eax
	ret
)");
    image.code.place(0x00ED1759, R"(	mov ecx,dword ptr [ebp-0x10]
	mov dword ptr fs:[0],ecx
	pop ecx
	pop edi
	pop esi
	pop ebx
	mov esp,ebp
	pop ebp
	push ecx
	ret
)");
}

/// Exception handlers that the known prologues register: none of them handles anything (ExceptionContinueSearch).
void emit_handlers(ImageWriter& image) {
    for (const Addr va : {0x00ED1780U, 0x00F109CBU, 0x00F13B71U, 0x00F1C768U, 0x00F1EC9BU, 0x00F1ECFBU}) {
        image.code.place(va, byte_line("B8 01 00 00 00 C3"));
    }
}

/// Memory context of the thread: dword at +2B4h of the game's TLS block.
void emit_context(ImageWriter& image) {
    const std::string block = byte_line("64 8B 0D 2C 00 00 00 A1 98 FD 26 01 8B 0C 81");  // ecx = block
    image.code.place(fn::kSetMemoryContext.va, block + byte_line("8B 44 24 04 89 81 B4 02 00 00 C3"));
    image.code.place(fn::kGetMemoryContext.va, block + byte_line("8B 81 B4 02 00 00 C3"));
}

/// The door of BSNiAllocator: forwards its first argument (B.2).
void emit_aligned_door(ImageWriter& image) {
    image.code.place(game::code::kAllocateAligned, "\tpush dword ptr [esp+4]\n\tcall va_00AA3E40\n\tret 16\n");
}

/// Bytes that other plugins patch. Their functions are not part of the memory system.
void emit_patch_sites(ImageWriter& image) {
    image.code.place(0x00AA3060, byte_line("E8 BB EF FF FF C3"));  // calls 0x00AA2020
    image.code.place(0x0086C56F, byte_line("E8 CC 61 23 00 C3"));  // these three call 0x00AA2740
    image.code.place(0x00C42EB1, byte_line("E8 8A F8 E5 FF C3"));
    image.code.place(0x00EC1701, byte_line("E8 3A 10 BE FF C3"));
    image.code.place(0x00AA2020, byte_line("33 C0 C3"));
    image.code.place(0x00AA2740, byte_line("33 C0 C3"));
    image.code.place(0x00AA4A50, byte_line("33 C0 C3"));
    // push imm32 of the two heap sizes, inside 0x00866E00
    image.code.place(game::data::kDefaultHeapReserve - 1, byte_line("68 00 00 80 0C"));
    image.code.place(game::data::kFileHeapReserve - 1, byte_line("68 00 00 00 04"));
    // Code of another part of the game, whose first byte tells helpers of other plugins that this is not the editor.
    image.code.place(kNotTheEditor, byte_line("55 8B EC 5D C3"));
}

/// One pool a frame: at the start of a round the timer is cleared, then the pool at the counter is sorted.
void emit_pool_sort(ImageWriter& image) {
    image.code.place(fn::kFramePoolSort.va, byte_line("55 8B EC 0F B6 05 F5 EE 1D 01 85 C0 EB 06"));
    image.code.place(0x0086EED4, byte_line("75 13 C7 05 F8 EE 1D 01 00 00 00 00 0F 1F 80 00 00 00 00 90 90"));
    image.code.place(0x0086EEE9, byte_line("50 EB 22"));
    image.code.place(0x0086EF0E,
                     relative(0xE8, 0x0086EF0E, 0x00AA7290) + byte_line("83 C4 04 FE 05 F5 EE 1D 01 EB 0D"));
    image.code.place(0x0086EF2B, byte_line("5D C3"));
}

/// Static initialiser and exit function of the MemoryManager.
void emit_static_initialiser(ImageWriter& image) {
    image.code.place(0x00FB66A0, byte_line("55 8B EC B9 38 62 1F 01") + relative(0xE8, 0x00FB66A8, 0x00AA3880) +
                                     byte_line("68 90 B2 FD 00") + "\tcall _atexit\n" + byte_line("83 C4 04 5D C3"));
    image.code.place(kMemoryManagerExit, relative(0xE9, kMemoryManagerExit, 0x00AA68A0));
}

}  // namespace

void emit_fixed_code(ImageWriter& image) {
    emit_runtime_frames(image);
    emit_handlers(image);
    emit_context(image);
    emit_aligned_door(image);
    emit_patch_sites(image);
    emit_pool_sort(image);
    emit_static_initialiser(image);
}

void emit_startup(ImageWriter& image) {
    // PE entry of the patched game: the extender's loader first. The system's loader has put the TLS index where the
    // compiler's runtime wants it; the game's dword gets a copy.
    image.code.place(game::code::kEntryPoint, "\t.globl _standin_entry\n_standin_entry:\n"
                                              "\tmov eax,dword ptr [__tls_index]\n"
                                              "\tmov dword ptr ds:[0x0126FD98],eax\n"
                                              "\tpush offset loader_name\n" +
                                                  call_import("", game::import_slot::kLoadLibraryA) +
                                                  "\tjmp va_00ECC4DB\n");
    image.read_only.place(0x01018000, "loader_name:\n\t.asciz \"nvse_steam_loader.dll\"\n");
    image.code.place(kCrtStart, relative(0xE8, kCrtStart, fn::kSecurityCookieInit.va) + "\tjmp _mainCRTStartup\n");

    // Reached from main(): cdecl int(). GetStartupInfoA, CRT heap, static initialisers, WinMain.
    image.code.place(fn::kCrtMain.va, byte_line("6A 58 68 E0 FE 17 01") + relative(0xE8, 0x00ECC364, 0x00ED1714) +
                                          byte_line("33 DB 89 5D FC 8D 45 98 50"));
    image.code.place(kStartupInfoCall, call_import("", import_slot_of("GetStartupInfoA")) + "\tjmp va_00ECC3C9\n");
    image.code.place(0x00ECC3C9, byte_line("6A 01"));
    image.code.place(game::code::kHeapInitCall, relative(0xE8, game::code::kHeapInitCall, game::code::kHeapInit) +
                                                    byte_line("59 85 C0 75 08 6A 1C") + "\tcall start_failed\n" +
                                                    byte_line("59"));
    image.code.place(0x00ECC3DD, byte_line("6A 01") + relative(0xE8, 0x00ECC3DF, kStaticInitialisers) +
                                     byte_line("59") + call_import("", import_slot_of("GetCommandLineA")) +
                                     "\tjmp va_00ECC461\n");
    image.code.place(0x00ECC461, byte_line("6A 0A 50 6A 00 68 00 00 40 00"));
    image.code.place(game::code::kWinMainCall, relative(0xE8, game::code::kWinMainCall, game::code::kWinMain) +
                                                   relative(0xE8, 0x00ECC470, 0x00ED1759) + byte_line("C3"));
    image.code.place(kStaticInitialisers, fmt::format(R"(	push esi
	mov esi,0x{:08X}
1:	cmp dword ptr [esi],0
	je 2f
	call dword ptr [esi]
2:	add esi,4
	cmp esi,0x{:08X}
	jb 1b
	xor eax,eax
	pop esi
	ret
)",
                                                      game::data::kStaticInitTable, kStaticInitEnd));
    image.glue += "start_failed:\n\tpush 255\n" + call_import("", import_slot_of("ExitProcess"));
}

}  // namespace mp::standin
