#include "image/functions.h"

#include "map/addresses.h"
#include "map/import_slots.h"

#include <array>
#include <map>
#include <vector>

namespace mp::standin {
namespace {

using game::Addr;

struct Slot {
    Addr table;
    Addr offset;
    Addr function;
};

#define MP_SLOT(table, offset, function) {0x##table, 0x##offset, 0x##function},
constexpr Slot kSlots[] = {
#include "map/vtables.inc"
};

struct Vtable {
    Addr va;
    unsigned slots;
};

/// Slots that no fact names get a function that returns 0 and removes nothing; nobody calls them.
constexpr Vtable kVtables[] = {
    {kMediaSampleVtable, 0x58 / 4},
    {kMediaAllocatorVtable, 6},
    {game::data::kThreadHeapMapVtable, 5},
    {game::data::kStaticHeapVtable, 0x44 / 4},
    {0x010A28C8, 0x34 / 4},
    {game::data::kMemoryHeapVtable, 0x48 / 4},
    {0x010A2BBC, 0x48 / 4},
};

void emit_vtables(ImageWriter& image) {
    for (const Vtable& table : kVtables) {
        std::map<Addr, Addr> known;
        for (const Slot& slot : kSlots) {
            if (slot.table == table.va) {
                known[slot.offset] = slot.function;
            }
        }
        std::string text;
        for (Addr i = 0; i < table.slots; ++i) {
            const auto it = known.find(4 * i);
            text += it == known.end() ? "\t.long unknown_slot\n" : fmt::format("\t.long va_{}\n", hex8(it->second));
        }
        image.read_only.place(table.va, text);
    }
    image.glue += "unknown_slot:\n\txor eax,eax\n\tret\n";
}

void emit_imports(ImageWriter& image) {
    std::string names;
    std::string look_up = "import_names:\n";
    for (std::size_t i = 0; i < std::size(kImportSlots); ++i) {
        const std::string entry = fmt::format("\t.rva import_name_{}\n", i);
        image.imports.place(kImportSlots[i].va, entry);
        look_up += entry;
        names +=
            fmt::format("\t.p2align 1\nimport_name_{}:\n\t.short 0\n\t.asciz \"{}\"\n", i, kImportSlots[i].function);
    }
    image.imports.place(kImportSlots[std::size(kImportSlots) - 1].va + 4, "\t.long 0\n");
    image.tail += "\n\t.section .idata$2\n\t.rva import_names\n\t.long 0\n\t.long 0\n\t.rva import_module\n\t.rva va_" +
                  hex8(kImportSlots[0].va) + "\n";
    image.read_only.place(0x0117A000, look_up + "\t.long 0\nimport_module:\n\t.asciz \"KERNEL32.dll\"\n" + names);
}

void emit_static_init_table(ImageWriter& image) {
    // Eight entries of other parts of the game come first; the stand-in has none of them.
    std::string table;
    for (Addr va = game::data::kStaticInitTable; va < kStaticInitEnd - 4; va += 4) {
        table += "\t.long 0\n";
    }
    image.imports.place(game::data::kStaticInitTable, table + "\t.long va_00FB66A0\n");
}

/// Texts and tables whose addresses the known bytes push.
void emit_pushed_constants(ImageWriter& image) {
    const auto text = [&](Addr va, std::string_view s) {
        image.read_only.place(va, fmt::format("\t.asciz \"{}\"\n", s));
    };
    text(0x010824DC, "Pool 8");
    text(0x010A27DC, "MemoryPool allocate");
    text(0x010A27F4, "MemoryPool free");
    text(0x010A2808, "MemoryPool purge");
    text(0x010A2860, "MemoryPool walk");
    // scope tables: one level, nothing guarded
    for (const Addr va : {0x0117FED0U, 0x0117FEE0U, 0x0117FF10U, 0x0117FF30U, 0x0117FF50U}) {
        image.read_only.place(va, "\t.long -2,0,-2,0\n");
    }
}

/// The game's block of thread-local storage. Its place inside .tls is the linker script's business, which also checks
/// that the memory context stands at +2B4h.
void emit_tls(ImageWriter& image) {
    image.tail += fmt::format("\n\t.section .tls$mp_game,\"dw\"\n\t.space 0x{:X}\n"
                              "\t.globl _standin_tls_context\n_standin_tls_context:\n\t.long 0\n\t.space 0x200\n",
                              game::kTlsContextOffset - 0x10);
}

}  // namespace

void emit_data(ImageWriter& image) {
    emit_imports(image);
    emit_static_init_table(image);
    emit_vtables(image);
    emit_pushed_constants(image);
    emit_tls(image);
    image.data.place(game::data::kSecurityCookie, "\t.long 0xBB40E64E\n");
}

}  // namespace mp::standin
