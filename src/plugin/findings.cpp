#include "plugin/findings.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>

#include "game/addresses.h"
#include "guard/guarded_blocks.h"
#include "os/background.h"
#include "os/call_stack.h"
#include "os/memory_fault.h"
#include "os/os.h"
#include "patch/text.h"
#include "plugin/console.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/tell.h"
#include "plugin/version.h"
#include "replace/borders.h"
#include "replace/diagnosis.h"
#include "session/writer.h"

namespace mp::plugin::findings {

namespace {

/// After so many only their number is kept: the first ones say what is wrong.
constexpr std::uint32_t kMostTold = 200;
/// Places in code that were told.
constexpr std::size_t kPlaces = 512;
/// How long a thread that is about to crash waits for the session to be written.
constexpr std::uint32_t kPatienceMs = 1000;

constinit std::array<std::atomic<std::uint64_t>, kPlaces> g_told{};
constinit std::atomic<std::uint32_t> g_count{0};
constinit std::atomic<std::uint32_t> g_frame{0};
constinit std::atomic<bool> g_loading{false};
constinit bool g_passes_on = true;
constinit SettingText g_tolerated;
constinit std::uint32_t g_began_ms = 0;

// --- who it was ------------------------------------------------------------------------------------------------------

/// The innermost code that is neither Windows nor ours.
struct Culprit {
    std::uintptr_t code = 0;
    os::CodePlace place;
    bool is_likely = false;
    bool is_tolerated = false;  ///< the game, or a module that the settings name
};

/// Whether the list holds the name: names between commas and blanks.
bool is_in_list(const char* list, const char* name) noexcept {
    while (*list != '\0') {
        const std::size_t skip = std::strspn(list, ", ");
        const std::size_t length = std::strcspn(list + skip, ",");
        char one[sizeof os::CodePlace::name] = "";
        std::snprintf(one, sizeof one, "%.*s", static_cast<int>(length), list + skip);
        if (one[0] != '\0' && equal_ignoring_case(one, name)) {
            return true;
        }
        list += skip + length;
    }
    return false;
}

Culprit culprit_of(const os::CallStack& stack) noexcept {
    Culprit first;
    for (std::size_t i = 0; i < stack.count; ++i) {
        const os::CodePlace place = os::place_of(stack.frames[i]);
        const Culprit one{.code = stack.frames[i],
                          .place = place,
                          .is_likely = stack.is_likely(i),
                          .is_tolerated = place.base == game::kImageBase || is_in_list(g_tolerated.text, place.name)};
        if (i == 0) {
            first = one;
        }
        if (place.base != 0 && !place.is_own && !place.is_system) {
            return one;
        }
    }
    return first;
}

/// True once for each place and kind, as long as there is room to remember it.
bool is_new(std::uintptr_t place, guard::Kind kind) noexcept {
    const std::uint64_t code = std::uint64_t{place} << 8 | static_cast<std::uint8_t>(kind);
    for (std::atomic<std::uint64_t>& told : g_told) {
        std::uint64_t none = 0;
        if (told.load(std::memory_order_relaxed) == code) {
            return false;
        }
        if (told.compare_exchange_strong(none, code, std::memory_order_relaxed)) {
            return true;
        }
        if (none == code) {
            return false;
        }
    }
    return false;
}

// --- in words --------------------------------------------------------------------------------------------------------

const char* kind_name(guard::Kind kind) noexcept {
    constexpr const char* kNames[] = {"overrun",
                                      "underrun",
                                      "use after free",
                                      "written beside a block",
                                      "double free",
                                      "free inside a block",
                                      "freed by another door",
                                      "free of what is no live block",
                                      "size of what is no live block",
                                      "resize of what is no live block",
                                      "written behind a block"};
    return kNames[static_cast<std::size_t>(kind)];
}

struct Words {
    char text[160] = "";
};

/// What was done to which byte.
Words deed_of(const guard::Found& found, const char* access) noexcept {
    Words words;
    const auto size = static_cast<unsigned>(found.block.size);
    const auto offset = static_cast<int>(found.offset);
    switch (found.kind) {
    case guard::Kind::overrun:
        std::snprintf(words.text, sizeof words.text, "%s %d bytes behind the end of a %s of %u bytes", access,
                      offset - static_cast<int>(size), found.block.is_freed ? "freed block" : "block", size);
        break;
    case guard::Kind::underrun:
        std::snprintf(words.text, sizeof words.text, "%s %d bytes before the start of a %s of %u bytes", access,
                      -offset, found.block.is_freed ? "freed block" : "block", size);
        break;
    case guard::Kind::use_after_free:
        std::snprintf(words.text, sizeof words.text, "%s byte %d of a freed block of %u bytes", access, offset, size);
        break;
    case guard::Kind::written_around:
        std::snprintf(words.text, sizeof words.text,
                      "frees a block of %u bytes beside which somebody has written; who is not known", size);
        break;
    case guard::Kind::double_free:
        std::snprintf(words.text, sizeof words.text, "frees a block of %u bytes again", size);
        break;
    case guard::Kind::interior_free:
        std::snprintf(words.text, sizeof words.text, "frees byte %d of a %s of %u bytes", offset,
                      found.block.is_freed ? "freed block" : "block", size);
        break;
    case guard::Kind::mismatched_free:
        std::snprintf(words.text, sizeof words.text, "frees a block of %u bytes of another heap", size);
        break;
    case guard::Kind::unknown_free:
        std::snprintf(words.text, sizeof words.text,
                      "frees a pointer into our memory at which no live block starts; the block was not a guarded one");
        break;
    case guard::Kind::unknown_size:
        std::snprintf(words.text, sizeof words.text, "asks for the size of a block, but no live block starts there");
        break;
    case guard::Kind::unknown_resize:
        std::snprintf(words.text, sizeof words.text, "resizes a block, but no live block starts there");
        break;
    case guard::Kind::written_behind:
        break;  // report_damage has more to say
    }
    return words;
}

/// "allocated by the game's heap 12.345 s before, thread 300".
Words deed_before(const char* what, const guard::Moment& then, const guard::Moment& now) noexcept {
    Words words;
    const std::uint32_t ms = now.ms - then.ms;
    std::snprintf(words.text, sizeof words.text, "%s by %s %u.%03u s before, thread %u", what,
                  replace::door_name(then.door), static_cast<unsigned>(ms / 1000), static_cast<unsigned>(ms % 1000),
                  unsigned{then.thread});
    return words;
}

void write(const char* text) noexcept {
    log::line("%.*s: %s", static_cast<int>(session::kFinding.size()), session::kFinding.data(), text);
    recorder::note(session::kFinding, text);
}

/// "3 freed: culprit.dll+0x1A2B, FalloutNV.exe+0x2B3C, likely other.dll+0x1".
void write_stack(std::uint32_t number, const char* what, const os::CallStack& stack) noexcept {
    char line[480];
    patch::Text text(line, sizeof line);
    text.add_number(number).add(" ").add(what).add(": ");
    for (std::size_t i = 0; i < stack.count; ++i) {
        text.add(i != 0 ? ", " : "").add(stack.is_likely(i) ? "likely " : "");
        text.add(CodeText(stack.frames[i]).text);
    }
    write(line);
}

/// What a door was asked to do.
const char* door_deed(guard::Kind kind) noexcept {
    return kind == guard::Kind::unknown_size ? "size" : kind == guard::Kind::unknown_resize ? "resize" : "free";
}

/// The finding's number; 0 when so many were told that it is only counted.
std::uint32_t write_first_line(guard::Kind kind, const char* who, const char* deed, std::uintptr_t block,
                               std::uint32_t thread) noexcept {
    const std::uint32_t number = g_count.fetch_add(1) + 1;
    if (number > kMostTold) {
        return 0;
    }
    char line[480];
    std::snprintf(line, sizeof line, "%u; %s; %s; %s; block 0x%08X; thread %u; frame %u%s", unsigned{number},
                  kind_name(kind), who, deed, static_cast<unsigned>(block), unsigned{thread}, unsigned{g_frame.load()},
                  g_loading.load() ? ", in a loading screen" : "");
    write(line);
    return number;
}

/// `access`: "reads", "writes"; "" for what was done through a door.
void report(const guard::Found& found, const guard::Moment& now, const Culprit& culprit, const char* access) noexcept {
    const CodeText who(culprit.code);
    char line[480];
    std::snprintf(line, sizeof line, "%s%s", culprit.is_likely ? "likely " : "", who.text);
    const std::uint32_t number =
        write_first_line(found.kind, line, deed_of(found, access).text, found.block.address, now.thread);
    if (number == 0) {
        return;
    }
    write_stack(number, access[0] != '\0' ? "access" : door_deed(found.kind), now.stack);
    if (found.block.allocated.stack.count != 0) {
        write_stack(number, deed_before("allocated", found.block.allocated, now).text, found.block.allocated.stack);
    }
    if (found.block.is_freed && found.block.freed.stack.count != 0 && found.kind != guard::Kind::written_around &&
        found.kind != guard::Kind::mismatched_free) {
        write_stack(number, deed_before("freed", found.block.freed, now).text, found.block.freed.stack);
    }
    std::snprintf(line, sizeof line, MP_PLUGIN_NAME ": finding %u: %s by %s; " MP_PLUGIN_NAME ".log has it",
                  unsigned{number}, kind_name(found.kind), who.text);
    console::tell_soon(line);
}

// --- borders ---------------------------------------------------------------------------------------------------------

constinit std::atomic_flag g_is_looking;

/// "block 0x0A2B3C40 of 40 bytes, begins with FalloutNV.exe+0xC8A7B4": an object's first word tells its class.
void add_block(patch::Text& text, const replace::borders::Block& block) noexcept {
    if (block.address == 0) {
        text.add("none that lives");
        return;
    }
    text.add("block ").add_address(static_cast<std::uint32_t>(block.address)).add(" of ").add_number(block.size);
    text.add(" bytes, begins with ").add(CodeText(block.first_word).text);
}

void write_blocks(std::uint32_t number, const replace::borders::Damage& damage) noexcept {
    char line[480];
    patch::Text text(line, sizeof line);
    text.add_number(number).add(" written: ");
    for (const std::uint8_t byte : damage.written) {
        char hex[4];
        std::snprintf(hex, sizeof hex, "%02X ", unsigned{byte});
        text.add(hex);
    }
    write(line);
    patch::Text blocks(line, sizeof line);
    blocks.add_number(number).add(" blocks there: ");
    add_block(blocks, damage.block);
    blocks.add("; before it ");
    add_block(blocks, damage.before);
    blocks.add("; behind it ");
    add_block(blocks, damage.behind);
    write(line);
}

/// `when`: "at its free"; `now`: of a free or a resize, nullptr for a look.
void report_damage(const replace::borders::Damage& damage, const char* when, const guard::Moment* now) noexcept {
    if (!is_new(damage.block.address, guard::Kind::written_behind)) {
        return;
    }
    char bytes[48];
    const unsigned last = damage.first + damage.count - 1;
    std::snprintf(bytes, sizeof bytes, damage.count == 1 ? "byte %u" : "bytes %u to %u", unsigned{damage.first}, last);
    char line[480];
    std::snprintf(line, sizeof line, "%s behind the end of a block of %u bytes overwritten, seen %s", bytes,
                  unsigned{damage.block.size}, when);
    const std::uint32_t number =
        write_first_line(guard::Kind::written_behind, "not known", line, damage.block.address, os::current_thread_id());
    if (number == 0) {
        return;
    }
    write_blocks(number, damage);
    if (now != nullptr) {
        write_stack(number, "seen by", now->stack);
    }
    std::snprintf(line, sizeof line, MP_PLUGIN_NAME ": finding %u: %s; " MP_PLUGIN_NAME ".log has it", unsigned{number},
                  kind_name(guard::Kind::written_behind));
    console::tell_soon(line);
}

void on_damage(const replace::borders::Damage& damage, const char* deed, const guard::Moment& now) noexcept {
    char when[40];
    std::snprintf(when, sizeof when, "at its %s", deed);
    report_damage(damage, when, &now);
}

// --- where it is seen ------------------------------------------------------------------------------------------------

void on_wrong_deed(const guard::Found& found, const guard::Moment& now) noexcept {
    const Culprit culprit = culprit_of(now.stack);
    if (is_new(culprit.code, found.kind)) {
        report(found, now, culprit, "");
    }
}

os::FaultAnswer on_fault(const os::MemoryFault& fault) noexcept {
    const bool is_executed = fault.code == fault.address;
    const auto found =
        guard::holds(reinterpret_cast<const void*>(fault.address)) ? guard::explain(fault.address) : std::nullopt;
    if (!found) {
        return os::FaultAnswer::pass_on;
    }
    const guard::Moment now{.stack = os::stack_at(fault.code, fault.frame_pointer, fault.stack_pointer),
                            .thread = os::current_thread_id(),
                            .ms = os::tick_ms()};
    const Culprit culprit = culprit_of(now.stack);
    if (is_new(culprit.code, found->kind)) {
        report(*found, now, culprit, is_executed ? "calls" : fault.is_write ? "writes" : "reads");
    }
    const bool goes_on = culprit.is_tolerated || !g_passes_on;
    if (goes_on && !is_executed && guard::open(fault.address)) {
        return os::FaultAnswer::repeat;
    }
    recorder::wait_until_written(kPatienceMs);
    return os::FaultAnswer::pass_on;
}

replace::Sampling sampling_of(const Settings& settings) noexcept {
    return {.one_in = settings.guard_one_in,
            .sizes = settings.guard_sizes,
            .address_space = std::size_t{settings.guarded_mb} << 20};
}

}  // namespace

CodeText::CodeText(std::uintptr_t code) noexcept {
    const os::CodePlace place = os::place_of(code);
    const bool is_named = place.name[0] != '\0';
    std::snprintf(text, sizeof text, "%s%s0x%X", place.name, is_named ? "+" : "",
                  static_cast<unsigned>(is_named ? code - place.base : code));
}

std::uintptr_t site_of(const os::CallStack& stack) noexcept {
    std::uintptr_t in_game = 0;
    for (std::size_t i = 0; i < stack.count; ++i) {
        const os::CodePlace place = os::place_of(stack.frames[i]);
        if (place.base == game::kImageBase) {
            in_game = in_game == 0 ? stack.frames[i] : in_game;
        } else if (place.base != 0 && !place.is_system && !stack.is_likely(i)) {
            return stack.frames[i];
        }
    }
    return in_game != 0 ? in_game : stack.frames[0];
}

std::uint32_t began_ms() noexcept {
    return g_began_ms;
}

void start(const Settings& settings) noexcept {
    if (!settings.diagnose) {
        return;
    }
    if (settings.mode != Mode::full) {
        log::line("culprit finder: off; it needs sMode = full");
        return;
    }
    g_began_ms = os::tick_ms();
    g_passes_on = settings.pass_on;
    g_tolerated = settings.tolerated;
    replace::borders::set_listener(&on_damage);
    replace::set_borders(settings.borders);
    replace::set_finding_listener(&on_wrong_deed);
    if (!replace::start_diagnosis(sampling_of(settings))) {
        log::line("culprit finder: off; the system refuses %u MB of address space (iGuardedMB)",
                  unsigned{settings.guarded_mb});
    } else if (!os::watch_memory_faults(&on_fault)) {
        log::line("culprit finder: wrong frees alone; the system refuses a handler of faults");
    } else {
        log::line("culprit finder: on; one block in %u behind guard pages, in %u MB of address space%s",
                  unsigned{settings.guard_one_in}, unsigned{settings.guarded_mb},
                  settings.borders ? "; the others have borders" : "");
    }
}

void on_frame(bool loading) noexcept {
    g_frame.store(g_frame.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    g_loading.store(loading, std::memory_order_relaxed);
}

void on_end_of_loading() noexcept {
    if (replace::has_borders()) {
        os::start_background_thread([] { check_borders("after a loading screen", nullptr); });
    }
}

void on_exit() noexcept {
    check_borders("at the end", nullptr);
}

unsigned check_borders(const char* when, Tell tell) noexcept {
    if (!replace::has_borders()) {
        tell_line(tell, "blocks have no borders (they need bDiagnose = 1 and bBorders = 1 when the game starts)");
        return 0;
    }
    if (g_is_looking.test_and_set(std::memory_order_acquire)) {
        tell_line(tell, "borders are being looked at; ask again");
        return 0;
    }
    static constinit std::array<replace::borders::Damage, 64> found;  // whoever looks has it
    std::uint32_t blocks = 0;
    const std::size_t count = replace::borders::look(found, blocks);
    for (std::size_t i = 0; i < count; ++i) {
        report_damage(found[i], when, nullptr);
    }
    g_is_looking.clear(std::memory_order_release);
    tell_line(tell, "borders of %s blocks looked at: %u were written on%s", Grouped(blocks).text,
              static_cast<unsigned>(count), count != 0 ? "; " MP_PLUGIN_NAME ".log has them" : "");
    return static_cast<unsigned>(count);
}

void announce() noexcept {
    if (replace::is_diagnosing()) {
        console::tell(MP_PLUGIN_NAME ": the culprit finder is on (bDiagnose): the game is slower");
    }
}

void sum_up() noexcept {
    const guard::Counts counts = guard::counts();
    log::line("culprit finder: %s blocks were guarded; %s findings", Grouped(counts.made).text,
              Grouped(g_count.load()).text);
    if (counts.not_made != 0) {
        log::line("culprit finder: for %s blocks there was no room: raise iGuardedMB or iOneIn",
                  Grouped(counts.not_made).text);
    }
}

}  // namespace mp::plugin::findings
