#include "image/functions.h"

#include "image/image_addresses.h"
#include "image/whole_functions.h"

#include <array>
#include <vector>

namespace mp::standin {
namespace {

using game::Addr;
using game::Site;

enum class Call : std::uint8_t { thiscall_, cdecl_, stdcall_, jump };

struct Body {
    Addr va;
    Call call;
    unsigned words;
};

#define MP_BODY_THIS(va, words) {0x##va, Call::thiscall_, words},
#define MP_BODY_CDECL(va, words) {0x##va, Call::cdecl_, words},
#define MP_BODY_STDCALL(va, words) {0x##va, Call::stdcall_, words},
#define MP_BODY_JUMP(va) {0x##va, Call::jump, 0},
constexpr Body kBodies[] = {
#include "image/own_bodies.inc"
#include "memory/bodies.inc"
};
#undef MP_BODY_THIS
#undef MP_BODY_CDECL
#undef MP_BODY_STDCALL
#undef MP_BODY_JUMP

/// What follows the known bytes of a function whose frame hangs on EBP, up to where the glue takes over. Functions that
/// are not listed need nothing: their known bytes end with an instruction.
struct Completion {
    Addr va;
    std::string_view bytes;
};

constexpr Completion kCompletions[] = {
    {0x00AA44C0, "0C 85 B8 63 1F 01"},        // mov ecx,[eax*4+pool table]
    {0x00AA5460, "50 08"},                    // mov edx,[eax+8]
    {0x00AA5C80, "00 00 00"},                 // cmp dword [eax+200h],0
    {0x00AA5EC0, "68 00 00 80 00"},           // push 800000h; its immediate at 0x00AA5ED1
    {0x00AA6840, "45 FC 83 C0 01 89 45 FC"},  // the step of the loop that EB 09 enters behind
    {0x00AA7030, "D0 6B 1F 01 83 C9 01 89 0D D0 6B 1F 01 68 B8 6B 1F 01 FF 15 54 F0 FD 00 "
                 "EB 0B CC CC CC CC CC CC CC CC CC CC CC"},  // builds the lock once; 75 27 jumps over all of it
    {0x00AA7E70, "48 30"},                                   // cmp ecx,[eax+30h]
    {0x00AA8CA0, "0A 01"},                                   // mov dword [eax],0x010A28C8
    {0x00AA8F50, "89 45 FC 89 4D F8"},                       // mov [ebp-4],eax; mov [ebp-8],ecx
    {0x00AA9A70, "4D FC"},                                   // mov [ebp-4],ecx
    {0x00AA9BD0, "7D FC 00"},                                // cmp dword [ebp-4],0
};

std::string_view completion_of(Addr va) {
    for (const Completion& c : kCompletions) {
        if (c.va == va) {
            return c.bytes;
        }
    }
    return {};
}

/// Values for the bytes that are not known but stand between known ones.
struct Wildcards {
    Addr va;
    std::string_view bytes;
};

constexpr Wildcards kWildcards[] = {
    {0x00AA57B0, "F8"},  // this in [ebp-8]
};

std::string known_bytes(const Site& site) {
    std::string_view free;
    for (const Wildcards& w : kWildcards) {
        free = w.va == site.va ? w.bytes : free;
    }
    return first_bytes(site, free);
}

/// The operand that names the frame slot in which the known bytes store ECX (89 4D disp8), "" when they do not.
std::string this_slot(const Site& site) {
    constexpr std::size_t kFrame = 3;  // push ebp; mov ebp,esp
    for (std::size_t at = kFrame; at + 2 < site.prologue.size; ++at) {
        if (site.prologue.bytes[at] == 0x89 && site.prologue.bytes[at + 1] == 0x4D) {
            return fmt::format("dword ptr [ebp-0x{:X}]", 0x100 - site.prologue.bytes[at + 2]);
        }
    }
    return "";
}

std::string return_bytes(unsigned popped) {
    return popped == 0 ? "C3" : fmt::format("C2 {:02X} 00", popped);
}

unsigned popped_by(const Body& body) {
    return body.call == Call::thiscall_ || body.call == Call::stdcall_ ? 4 * body.words : 0;
}

/// Pushes the stack arguments of a function whose first argument stands at [`base`+`offset`], last one first.
std::string push_arguments(unsigned words, std::string_view base, unsigned offset) {
    std::string text;
    for (unsigned i = words; i > 0; --i) {
        text += fmt::format("\tpush dword ptr [{}+{}]\n", base, offset + 4 * (i - 1));
    }
    return text;
}

std::string call_body(Addr va) {
    return fmt::format("\tcall _eng_{}\n", hex8(va));
}

/// Where the return instruction of a site stands, or 0 when the place is free.
Addr return_address(const Site& site) {
    if (site.main_return.va != 0) {
        return site.main_return.va;
    }
    return site.va == 0x00AA6650 ? 0x00AA666F : site.va == 0x00AA6680 ? 0x00AA669E : 0;
}

/// Places the end of a function: at its true place when that is known, else right behind what was emitted so far.
class Epilogue {
public:
    Epilogue(Addr va, Addr return_va, std::string restore, unsigned restore_size, unsigned popped)
        : label_("end_" + hex8(va)),
          text_(label_ + ":\n" + std::move(restore) + byte_line(return_bytes(popped))),
          va_(return_va == 0 ? 0 : return_va - restore_size) {}

    [[nodiscard]] const std::string& label() const { return label_; }

    void place(ImageWriter& image, std::string& function) const {
        if (va_ == 0) {
            function += text_;
        } else {
            image.code.place(va_, text_);
        }
    }

private:
    std::string label_;
    std::string text_;
    Addr va_;
};

std::string jump_to_glue(Addr va) {
    return fmt::format("\tjmp glue_{}\n", hex8(va));
}

void add_glue(ImageWriter& image, Addr va, const std::string& text) {
    image.glue += fmt::format("glue_{}:\n{}", hex8(va), text);
}

// --- functions with a frame on EBP -----------------------------------------------------------------------------------

std::string after_body(Addr va) {
    if (va == 0x00866A90) {
        return "\tmov esi,dword ptr [ebp-0x10]\n";  // pushed by the known bytes
    }
    if (va == 0x00AA8F50) {  // the frame's guard value, as the known bytes made it
        return "\tmov ecx,dword ptr [ebp-4]\n\txor ecx,ebp\n\tcmp ecx,dword ptr ds:[0x011C16BC]\n\tje "
               "end_00AA8F50\n\tint3\n";
    }
    return "";
}

std::string before_glue(Addr va) {
    if (va == 0x00AA7290) {
        return "\tje end_00AA7290\n";  // no pool at this index
    }
    if (va == 0x00AA4060 || va == 0x00AA5610) {
        return fmt::format("\t.long end_{} - . - 4\n", hex8(va));  // E9 of the known bytes: nothing to free
    }
    return "";
}

void emit_framed(ImageWriter& image, const Body& body, const Site& site) {
    std::string slot = this_slot(site);
    if (body.va == 0x00AA8F50) {
        slot = "dword ptr [ebp-8]";
    }
    const Epilogue end(body.va, return_address(site), byte_line("8B E5 5D"), 3, popped_by(body));
    std::string text = known_bytes(site);
    if (const std::string_view rest = completion_of(body.va); !rest.empty()) {
        text += byte_line(rest);
    }
    text += before_glue(body.va) + jump_to_glue(body.va);
    std::string glue = push_arguments(body.words, "ebp", 8);
    if (body.call == Call::thiscall_) {
        if (slot.empty()) {
            throw std::runtime_error("no frame slot for the object: " + hex8(body.va));
        }
        glue += "\tpush " + slot + "\n";
    }
    glue += call_body(body.va) + after_body(body.va) + "\tjmp " + end.label() + "\n";
    end.place(image, text);
    image.code.place(body.va, text);
    add_glue(image, body.va, glue);
}

// --- functions without known bytes -----------------------------------------------------------------------------------

void emit_free(ImageWriter& image, const Body& body) {
    const bool thiscall = body.call == Call::thiscall_;
    std::string text = thiscall ? byte_line("55 8B EC 51 89 4D FC") : byte_line("55 8B EC");
    text += jump_to_glue(body.va);
    const bool wrapper = body.va == 0x00401000 || body.va == 0x00401030;  // 21 bytes each
    const Epilogue end(body.va, wrapper ? body.va + 20 : 0, byte_line("8B E5 5D"), 3, popped_by(body));
    end.place(image, text);
    image.code.place(body.va, text);
    std::string glue = push_arguments(body.words, "ebp", 8);
    glue += thiscall ? "\tpush dword ptr [ebp-4]\n" : "";
    add_glue(image, body.va, glue + call_body(body.va) + "\tjmp " + end.label() + "\n");
}

// --- functions with an exception frame in their known bytes
// ------------------------------------------------------------

void emit_exception_frame(ImageWriter& image, const Body& body, const Site& site) {
    const bool thiscall = body.call == Call::thiscall_;
    const Epilogue end(body.va, return_address(site), byte_line("8B E5 5D"), 3, popped_by(body));
    std::string text = known_bytes(site);
    text += byte_line("50 64 89 25 00 00 00 00");  // push eax; mov fs:[0],esp
    text += thiscall ? byte_line("51") : "";       // push ecx: [ebp-10h]
    text += jump_to_glue(body.va);
    end.place(image, text);
    image.code.place(body.va, text);
    std::string glue = push_arguments(body.words, "ebp", 8);
    glue += thiscall ? "\tpush dword ptr [ebp-0x10]\n" : "";
    glue +=
        call_body(body.va) + "\tmov ecx,dword ptr [ebp-0xC]\n\tmov dword ptr fs:[0],ecx\n\tjmp " + end.label() + "\n";
    add_glue(image, body.va, glue);
}

// --- functions whose known bytes do the work themselves
// ----------------------------------------------------------------

/// Everything behind the known bytes is machine code of the image; a body in C++ is not used.
struct Complete {
    Addr va;
    std::string text;
    Addr epilogue;  ///< where "8B E5 5D" and the return stand, 0 = right behind
    unsigned popped;
};

std::vector<Complete> complete_functions() {
    return {
        // mov eax,[ebp-4]
        {0x00AA53F0, byte_line("8B 45 FC"), 0x00AA5407, 0},
        // add esp,4; the value goes through a local
        {0x00AA4290, byte_line("83 C4 04 89 45 FC 8B 45 FC"), 0, 8},
        {0x00AA42C0, byte_line("83 C4 04"), 0x00AA42D3, 8},
        // mov ecx,eax; call RequestBuffer; base and cursor, end = base + size, last = 0
        {0x00AA57B0,
         byte_line("8B C8") + relative(0xE8, 0x00AA57C4, 0x00AA59B0) +
             byte_line("8B 4D F8 89 01 89 41 04 03 45 08 89 41 08 C7 41 0C 00 00 00 00 90 90 90"),
         0x00AA57E1, 4},
        {0x00AA7B20, "", 0, 8},
        // (mov eax,)[ebp+8]; push eax; mov ecx,[ebp-4]; call FreeLocked: 12 bytes, which EB 0C jumps over
        {0x00AA7B40, byte_line("45 08 50 8B 4D FC") + relative(0xE8, 0x00AA7B56, 0x00AA98F0), 0, 8},
        {0x00AA7BE0, "", 0, 8},
    };
}

bool emit_complete(ImageWriter& image, const Site& site) {
    for (const Complete& c : complete_functions()) {
        if (c.va == site.va) {
            const Epilogue end(c.va, c.epilogue == 0 ? 0 : c.epilogue + 3, byte_line("8B E5 5D"), 3, c.popped);
            std::string text = known_bytes(site) + c.text;
            end.place(image, text);
            image.code.place(c.va, text);
            return true;
        }
    }
    return false;
}

// --- one of a kind ---------------------------------------------------------------------------------------------------

/// Frame through EBX with 32-byte alignment: arguments behind [ebx+8], the lock still in ECX.
void emit_spin_lock(ImageWriter& image, const Site& site) {
    image.code.place(site.va, known_bytes(site) + jump_to_glue(site.va));
    image.code.place(0x0040FC7C, "end_0040FBF0:\n" + byte_line("8B E5 5D 8B E3 5B C2 04 00"));
    add_glue(image, site.va, "\tpush dword ptr [ebx+8]\n\tpush ecx\n" + call_body(site.va) + "\tjmp end_0040FBF0\n");
}

void emit_manager_constructor(ImageWriter& image) {
    image.code.place(0x00AA3880, byte_line("55 8B EC 83 EC 64 89 4D A4") + jump_to_glue(0x00AA3880));
    add_glue(image, 0x00AA3880,
             "\tpush dword ptr [ebp-0x5C]\n" + call_body(0x00AA3880) + "\tadd esp,4\n\tjmp va_00AA38CA\n");
    image.code.place(0x00AA38CA, byte_line("8B 45 A4 05 14 01 00 00 89 45 A8 6A 25 8B 4D A8 E8 01 0F 00 00 8B 4D A8 "
                                           "C7 01 F8 25 0A 01"));
    image.code.place(0x00AA38E8, jump_to_glue(0x00AA38E8) + "end_00AA3880:\n" + byte_line("8B E5 5D C3"));
    add_glue(image, 0x00AA38E8, "\tpush dword ptr [ebp-0x5C]\n" + call_body(0x00AA38E8) + "\tjmp end_00AA3880\n");
}

bool emit_special(ImageWriter& image, const Body& body) {
    switch (body.va) {
    case 0x0040FBF0:
        emit_spin_lock(image, game::site(0x0040FBF0));
        return true;
    case 0x009FB1C0:
        return true;  // two halves around a call that is known: emit_media_functions
    case 0x00AA3880:
        emit_manager_constructor(image);
        return true;
    case 0x009FB20C:
    case 0x00AA38E8:
        return true;  // second halves
    case 0x00AA75E0:  // 13 bytes in all: does nothing
        image.code.place(body.va, byte_line("55 8B EC 51 89 4D FC 8B E5 5D C2 08 00"));
        return true;
    default:
        return false;
    }
}

bool has_exception_frame(const Site& site) {
    return site.prologue.bytes[3] == 0x6A && site.prologue.bytes[4] == 0xFF && site.prologue.bytes[0] == 0x55;
}

void emit_one(ImageWriter& image, const Body& body) {
    if (body.call == Call::jump) {
        image.code.place(body.va, fmt::format("\tjmp _eng_{}\n", hex8(body.va)));
        return;
    }
    if (emit_special(image, body)) {
        return;
    }
    const Site* site = game::find_site(body.va);
    if (site == nullptr) {
        emit_free(image, body);
    } else if (emit_complete(image, *site)) {
    } else if (has_exception_frame(*site)) {
        emit_exception_frame(image, body, *site);
    } else {
        emit_framed(image, body, *site);
    }
}

bool has_body(Addr va) {
    for (const Body& body : kBodies) {
        if (body.va == va) {
            return true;
        }
    }
    return false;
}

}  // namespace

void emit_functions(ImageWriter& image) {
    for (const Body& body : kBodies) {
        emit_one(image, body);
    }
    emit_runtime_functions(image);
    emit_media_functions(image);
    for (const Site& site : game::kSites) {
        if (!has_body(site.va) && !is_whole(site.va)) {
            throw std::runtime_error("site without a body: " + hex8(site.va));
        }
    }
}

void write_free_functions(std::ostream& out) {
    constexpr unsigned kPerLine = 10;
    unsigned written = 0;
    for (const Body& body : kBodies) {
        if (game::find_site(body.va) == nullptr && body.va != 0x00AA38E8 && body.va != 0x009FB20C) {
            out << (written == 0 ? "" : written % kPerLine == 0 ? "\n" : " ") << hex8(body.va);
            ++written;
        }
    }
    out << "\n";
}

}  // namespace mp::standin
