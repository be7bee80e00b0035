#include "image/functions.h"

#include <array>

namespace mp::standin {
namespace {

using game::Addr;

struct Note {
    std::string_view where;
    std::string_view bytes;
    std::string_view reason;
};

/// Known bytes that stand at their places but do less than in the game.
constexpr Note kNotHonoured[] = {
    {"00866770 +07", "68 DC 24 08 01, 68 00 00 60 00",
     "pushed and dropped: the body makes all 37 pools, the first included"},
    {"00866EA0, 00866F89", "imm32",
     "operands of two push instructions that nobody reaches; the body of 00866E00 reads them"},
    {"00AA3060, 0086C56F, 00C42EB1, 00EC1701", "E8 ..",
     "the functions around them are not part of the memory system: nobody calls them"},
    {"0086EED4", "75 13", "executed, in a function of ours at 0086EEC0 that the application calls each frame"},
    {"00EDE263 +3F .. +216", "bookkeeping", "C++: a jump passes over its place; the calls behind it are the library's"},
    {"00EDE579 +13", "growth of the list",
     "C++, HeapReAlloc included: the library makes the first list elsewhere, where the small-block heap is chosen"},
};

constexpr Note kChosen[] = {
    {"009FB170 +11 .. +43, 009FCC60 +25 .. +153", "instructions between the calls and returns",
     "written to the contract, each call, jump and return at its place; the loop of 009FB170 leads to +03, into the "
     "bytes "
     "that a jump at the start covers: the original must not be called while samples are on the list"},
    {"00ECCF5D .. 00EE177A", "instructions between the calls and returns",
     "likewise for the C runtime: calls, returns, local blocks and lengths are the library's"},
    {"00866DA0, 00866DC0, 00866DE0", "all",
     "as the compiler would lay the work out; the call at +13 and the size are known, what it reaches "
     "(00867100, 00867120, 00867140) stands at places of ours"},
    {"00AA57B0 +08", "F8", "slot of the object; the byte is not known"},
    {"00EDE579 +01, +08", "01270940, 01270930",
     "addresses of the list's capacity and count, by the library's order around the heap selector; the list itself "
     "01270934, the deferred group 01270944; the deferred header 0127094C is our choice"},
    {"01270950 .. 0127095C", "variables",
     "new mode, new-handler, invalid-parameter handler, longest wait of the _crt variants: places are our choice, and "
     "the two handlers are plain pointers, not encoded ones"},
    {"00EC85E3", "all", "errno stands at +4A0 of the game's block of thread-local storage"},
    {"00EE15E2 +07", "0117FF50", "address of the scope table"},
    {"00AA5E30, 00AA5E90, 00AA5EC0, 00AA5F30, 00AA65B0, 00AA6610, 00AA6650, 00AA6680, 00AA6840, 00AA79A0, 00AA7A30, "
     "00AA7A50, 00AA7AB0, 00AA7D60",
     "between the first bytes and the return",
     "as the compiler would lay the work out; calls and size come out where they are known to be, registers and locals "
     "are our choice"},
    {"00AA3E40, 00AA54A0, 00AA5610, 00AA59B0, 00AA5B70, 00AA5C80, 00AA5D40, 00AA66A0, 00AA6AA0, 00AA8EA0, 00AA8F50, "
     "00AA9A70",
     "around the calls at known addresses",
     "object and arguments come from a record that the body filled; then back to the body"},
    {"00AA6AA0, 00AA6C70, 00AA6F90, 00AA7300", "83 C1 20, E8 behind the first bytes",
     "the lock is taken there; the place of that call is not known"},
    {"00AA8DD0", "behind the first bytes", "the place of the virtual call is not known"},
    {"00866770, 00AA4290, 00AA6650, 00AA6680", "return", "stands right behind the code: its true place is not known"},
    {"00401190", "behind 55", "an empty function: only the first byte is looked at"},
    {"00ED1714, 00ED1759", "all", "frame set-up and tear-down of CRT functions, with the layout their callers rely on"},
    {"00F109CB, 00F13B71, 00F1C768, 00F1EC9B, 00F1ECFB, 00ED1780", "all", "exception handlers that handle nothing"},
    {"0117FED0, 0117FEE0, 0117FF10, 0117FF30, 0117FF50", "scope tables",
     "one level that guards nothing; 0117FEE0 and 0117FF50 are our choice"},
    {"010824DC, 010A27DC, 010A27F4, 010A2808, 010A2860", "texts", "the game's own texts are not known"},
    {"010A28FC, 010A2884, 010A28C8, 010A25F8, 010A2BBC, 01093D28, 01093C80", "other slots",
     "a function that returns 0; nobody calls them. "
     "01093D28 and 01093C80 are our choice of places"},
    {"00FDF054 .. 00FDF1A4", "import slots",
     "eleven are documented, the other places are our choice; in the game this page is read-only, "
     "here the system's loader needs it writable because the directory entry names the compiler's table"},
    {"00FDF4A4 .. 00FDF4C0", "0", "static initialisers of other parts of the game"},
    {"00ECC35D .. 00ECC475, 00ECC4DB, 00ECCD6B", "between the known calls",
     "shortest way between them; _mtinit, _ioinit and the arguments are the "
     "compiler's runtime, which starts between 00ECC4DB and 00ECC35D"},
    {"009FB1C0, 009FCB50, 009FCBC0", "all",
     "only the call at 009FB207 is known; 009FCBC0 (sample's deleting destructor) is our choice"},
    {"00FDB290", "E9", "exit function: destroys the pools when the process ends"},
};

void write_table(std::ostream& out, std::string_view title, std::span<const Note> notes) {
    out << "| " << title << " | Bytes | Why |\n|---|---|---|\n";
    for (const Note& note : notes) {
        out << "| " << note.where << " | " << note.bytes << " | " << note.reason << " |\n";
    }
    out << '\n';
}

}  // namespace

void write_notes(std::ostream& out) {
    out << "Known bytes that do less than in the game:\n\n";
    write_table(out, "Where", kNotHonoured);
    out << "Bytes and places that are our choice:\n\n";
    write_table(out, "Where", kChosen);
    out << "Functions whose first bytes are not known (`55 8B EC`, for methods `51 89 4D FC`, then a jump to the "
           "body):\n\n";
    write_free_functions(out);
}

}  // namespace mp::standin
