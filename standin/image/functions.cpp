#include "image/functions.h"

#include "image/whole_functions.h"
#include "map/functions.h"

#include <vector>

namespace mp::standin {
namespace {

using game::Addr;
using game::Site;

struct Body {
    Addr va;
    Kind kind;
    unsigned words;
};

#define MP_BODY(kind, va, name, ...) {0x##va, Kind::kind, fn::name.kWords},
constexpr Body kBodies[] = {
#include "map/bodies.inc"
};

/// What follows the known bytes of a function whose frame hangs on EBP, up to where the glue takes over: the rest of
/// their last instruction, and whole instructions where calls stand close to the start. Functions that are not listed
/// need nothing: their known bytes end with an instruction.
struct Completion {
    Addr va;
    std::string_view text;
};

// The known bytes pushed the label and loaded the pool: add ecx,20h; call SpinLock::Acquire.
#define MP_TAKE_POOL_LOCK "\tadd ecx,0x20\n\tcall va_0040FBF0\n"

constexpr Completion kCompletions[] = {
    {0x00AA4060, "\t.long end_00AA4060 - . - 4\n"},           // E9: nothing to free
    {0x00AA44C0, "\t.byte 0x0C,0x85,0xB8,0x63,0x1F,0x01\n"},  // mov ecx,[eax*4+pool table]
    {0x00AA5460, "\t.byte 0x50,0x08\n"},                      // mov edx,[eax+8]
    {0x00AA5610, "\t.long end_00AA5610 - . - 4\n"},
    // The manager caches nothing: a new buffer of *size bytes, without the lock.
    {0x00AA59B0, "\tjne 1f\n\tmov ecx,dword ptr [ebp+8]\n\tmov edx,dword ptr [ecx]\n\tpush edx\n"
                 "\tmov ecx,dword ptr [ebp-0x30]\n\tcall va_00AA5EC0\n\tjmp end_00AA59B0\n1:\n"},
    // The cache is full: frees the buffer, without the lock, and goes on as if it had not.
    {0x00AA5B70, "\tjb 1f\n\tmov eax,dword ptr [ebp+0xC]\n\tpush eax\n\tmov ecx,dword ptr [ebp+8]\n\tpush ecx\n"
                 "\tmov ecx,dword ptr [ebp-0x14]\n\tcall va_00AA5F30\n1:\n"},
    {0x00AA5C80, "\t.byte 0,0,0\n"},  // cmp dword [eax+200h],0
    {0x00AA6AA0, MP_TAKE_POOL_LOCK},
    {0x00AA6C70, "\tmov ecx,dword ptr [ebp-0x14]\n" MP_TAKE_POOL_LOCK},
    {0x00AA6F90, MP_TAKE_POOL_LOCK},
    {0x00AA7030, "\t.byte 0xD0,0x6B,0x1F,0x01,0x83,0xC9,0x01,0x89,0x0D,0xD0,0x6B,0x1F,0x01,0x68,0xB8,0x6B,0x1F,0x01,"
                 "0xFF,0x15,0x54,0xF0,0xFD,0x00,0xEB,0x0B\n\t.skip 11,0xCC\n"},  // builds the lock once; 75 27 jumps
                                                                                 // over all of it
    {0x00AA7290, "\tje end_00AA7290\n"},                                         // no pool at this index
    {0x00AA7300, MP_TAKE_POOL_LOCK},
    {0x00AA7E70, "\t.byte 0x48,0x30\n"},  // cmp ecx,[eax+30h]
    {0x00AA8CA0, "\t.byte 0x0A,0x01\n"},  // mov dword [eax],0x010A28C8
    {0x00AA8F50, "\tmov dword ptr [ebp-4],eax\n\tmov dword ptr [ebp-8],ecx\n"},
    {0x00AA9A70, "\t.byte 0x4D,0xFC\n"},    // mov [ebp-4],ecx
    {0x00AA9BD0, "\t.byte 0x7D,0xFC,0\n"},  // cmp dword [ebp-4],0
};
#undef MP_TAKE_POOL_LOCK

std::string completion_of(Addr va) {
    for (const Completion& c : kCompletions) {
        if (c.va == va) {
            return std::string(c.text);
        }
    }
    return {};
}

/// A call that a body asks for instead of making it: the instruction stands at its true place in the function's own
/// text. `standin/memory/step.h` is the body's side.
struct StepCall {
    enum class Kind : std::uint8_t { function, import_slot, vtable_slot };
    Addr function;
    Addr call;  ///< of the call instruction
    Kind kind;
    Addr target;     ///< function, import slot, or offset in the vtable of the object
    unsigned words;  ///< arguments on the stack
};

// In the order of the numbers by which a body asks for them, from 1.
constexpr StepCall kStepCalls[] = {
    {0x00AA3E40, 0x00AA3FE6, StepCall::Kind::function, 0x00866A90, 3},
    {0x00AA54A0, 0x00AA5581, StepCall::Kind::function, 0x00AA5E30, 3},
    {0x00AA5610, 0x00AA56F5, StepCall::Kind::function, 0x00AA5E90, 3},
    {0x00AA59B0, 0x00AA5A00, StepCall::Kind::function, 0x00AA5EC0, 1},
    {0x00AA59B0, 0x00AA5B2E, StepCall::Kind::function, 0x00AA5E30, 3},
    {0x00AA5B70, 0x00AA5BBF, StepCall::Kind::function, 0x00AA5F30, 2},
    {0x00AA5C80, 0x00AA5CE5, StepCall::Kind::function, 0x00AA5F30, 2},
    {0x00AA5D40, 0x00AA5DC1, StepCall::Kind::function, 0x00AA5F30, 2},
    {0x00AA66A0, 0x00AA6745, StepCall::Kind::function, 0x00AA65B0, 0},
    {0x00AA6AA0, 0x00AA6B2A, StepCall::Kind::function, 0x00AA6610, 2},
    {0x00AA8EA0, 0x00AA8F2D, StepCall::Kind::vtable_slot, 0x34, 1},
    {0x00AA8F50, 0x00AA9241, StepCall::Kind::import_slot, game::import_slot::kVirtualAlloc, 4},
    {0x00AA8F50, 0x00AA93F7, StepCall::Kind::import_slot, game::import_slot::kVirtualAlloc, 4},
    {0x00AA8F50, 0x00AA95AC, StepCall::Kind::vtable_slot, 0x38, 3},
    {0x00AA8F50, 0x00AA9612, StepCall::Kind::import_slot, game::import_slot::kVirtualAlloc, 4},
    {0x00AA9A70, 0x00AA9BB7, StepCall::Kind::vtable_slot, 0x3C, 3},
};

/// Values for the bytes that are not known but stand between known ones.
struct Wildcards {
    Addr va;
    std::string_view bytes;
};

constexpr Wildcards kWildcards[] = {
    {0x00AA57B0, "F8"},  // this in [ebp-8]
};

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

bool has_object(const Body& body) {
    return body.kind == Kind::thiscall_ || body.kind == Kind::steps;
}

unsigned popped_by(const Body& body) {
    return has_object(body) || body.kind == Kind::stdcall_ ? 4 * body.words : 0;
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

// --- calls that bodies ask for ---------------------------------------------------------------------------------------

// The record that such a body gets, on the stack below the frame (standin/memory/step.h).
constexpr unsigned kStepSize = 0x2C;
constexpr unsigned kStepResult = 4;
constexpr unsigned kStepObject = 8;
constexpr unsigned kStepArguments = 0xC;

std::string call_instruction(const StepCall& call) {
    switch (call.kind) {
    case StepCall::Kind::function:
        return relative(0xE8, call.call, call.target);
    case StepCall::Kind::import_slot:
        return fmt::format("\t.byte 0xFF,0x15\n\t.long 0x{:08X}\n", call.target);
    case StepCall::Kind::vtable_slot:
        return byte_line("FF D0");
    }
    return {};
}

/// Lays the record's arguments and object down as the callee wants them, right in front of the call. Each push has the
/// same operand, because it moves the stack pointer by what the next argument lies lower.
void place_step_call(ImageWriter& image, const StepCall& call, unsigned number) {
    std::string before;
    unsigned size = 0;
    for (unsigned i = 0; i < call.words; ++i) {
        before += byte_line(fmt::format("FF 74 24 {:02X}", kStepArguments + 4 * (call.words - 1)));
        size += 4;
    }
    if (call.kind != StepCall::Kind::import_slot) {
        before += byte_line(fmt::format("8B 4C 24 {:02X}", kStepObject + 4 * call.words));  // mov ecx,object
        size += 4;
    }
    if (call.kind == StepCall::Kind::vtable_slot) {
        before += byte_line(fmt::format("8B 01 8B 40 {:02X}", call.target));  // mov eax,[ecx]; mov eax,[eax+slot]
        size += 5;
    }
    const std::string va = hex8(call.function);
    image.code.place(call.call - size, fmt::format("step_{}_{}:\n", va, number) + before + call_instruction(call) +
                                           fmt::format("\tjmp called_{}\n", va));
}

/// Calls the body until it asks for no further call; its result is then in the record.
std::string step_loop(ImageWriter& image, Addr va, const std::string& arguments, unsigned words) {
    std::string choice;
    unsigned number = 0;
    for (const StepCall& call : kStepCalls) {
        if (call.function == va) {
            ++number;
            place_step_call(image, call, number);
            choice += fmt::format("\tdec eax\n\tje step_{}_{}\n", hex8(va), number);
        }
    }
    return fmt::format("\tsub esp,0x{:X}\n\tmov dword ptr [esp],0\n\tjmp next_{}\n", kStepSize, hex8(va)) +
           fmt::format("called_{0}:\n\tmov dword ptr [esp+{1}],eax\nnext_{0}:\n\tmov eax,esp\n", hex8(va),
                       kStepResult) +
           arguments + "\tpush eax\n" + call_body(va) + fmt::format("\tadd esp,{}\n", 4 * (words + 1)) + choice +
           fmt::format("\tmov eax,dword ptr [esp+{}]\n", kStepResult);
}

// --- functions with a frame on EBP -----------------------------------------------------------------------------------

/// What the glue does: pushes the arguments and the object, calls the body.
std::string call_with_arguments(ImageWriter& image, const Body& body, const std::string& object) {
    std::string arguments = push_arguments(body.words, "ebp", 8);
    unsigned words = body.words;
    if (has_object(body)) {
        if (object.empty()) {
            throw std::runtime_error("no frame slot for the object: " + hex8(body.va));
        }
        arguments += "\tpush " + object + "\n";
        ++words;
    }
    return body.kind == Kind::steps ? step_loop(image, body.va, arguments, words) : arguments + call_body(body.va);
}

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

void emit_framed(ImageWriter& image, const Body& body, const Site& site) {
    const std::string object = body.va == 0x00AA8F50 ? "dword ptr [ebp-8]" : this_slot(site);
    const Epilogue end(body.va, site.main_return.va, byte_line("8B E5 5D"), 3, popped_by(body));
    std::string text = known_bytes(site) + completion_of(body.va) + jump_to_glue(body.va);
    end.place(image, text);
    image.code.place(body.va, text);
    add_glue(image, body.va,
             call_with_arguments(image, body, object) + after_body(body.va) + "\tjmp " + end.label() + "\n");
}

// --- functions without known bytes -----------------------------------------------------------------------------------

void emit_free(ImageWriter& image, const Body& body) {
    std::string text = has_object(body) ? byte_line("55 8B EC 51 89 4D FC") : byte_line("55 8B EC");
    text += jump_to_glue(body.va);
    const bool wrapper = body.va == 0x00401000 || body.va == 0x00401030;  // 21 bytes each
    const Epilogue end(body.va, wrapper ? body.va + 20 : 0, byte_line("8B E5 5D"), 3, popped_by(body));
    end.place(image, text);
    image.code.place(body.va, text);
    add_glue(image, body.va, call_with_arguments(image, body, "dword ptr [ebp-4]") + "\tjmp " + end.label() + "\n");
}

// --- functions with an exception frame in their known bytes
// ------------------------------------------------------------

void emit_exception_frame(ImageWriter& image, const Body& body, const Site& site) {
    const bool thiscall = body.kind == Kind::thiscall_;
    const Epilogue end(body.va, site.main_return.va, byte_line("8B E5 5D"), 3, popped_by(body));
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
    default:
        return false;
    }
}

bool has_exception_frame(const Site& site) {
    return site.prologue.bytes[3] == 0x6A && site.prologue.bytes[4] == 0xFF && site.prologue.bytes[0] == 0x55;
}

void emit_one(ImageWriter& image, const Body& body) {
    if (body.kind == Kind::jump) {
        image.code.place(body.va, fmt::format("\tjmp _eng_{}\n", hex8(body.va)));
        return;
    }
    if (emit_special(image, body)) {
        return;
    }
    const Site* site = game::find_site(body.va);
    if (site == nullptr) {
        emit_free(image, body);
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

std::string known_bytes(const Site& site) {
    std::string_view free;
    for (const Wildcards& w : kWildcards) {
        free = w.va == site.va ? w.bytes : free;
    }
    return first_bytes(site, free);
}

std::string return_bytes(unsigned popped) {
    return popped == 0 ? "C3" : fmt::format("C2 {:02X} 00", popped);
}

void emit_functions(ImageWriter& image) {
    emit_machine_code(image);
    for (const Body& body : kBodies) {
        emit_one(image, body);
    }
    emit_runtime_functions(image);
    emit_media_functions(image);
    for (const Site& site : game::kSites) {
        if (!has_body(site.va) && !is_machine_code(site.va) && !is_whole(site.va)) {
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
