#include "support/variants.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "game/functions.h"
#include "support/program_file.h"

namespace mp::test {
namespace {

using game::Addr;
using Bytes = std::vector<std::uint8_t>;

// --- the listings ----------------------------------------------------------------------------------------------------

// One token a byte:
//   8B     the byte
//   F      size of the frame
//   a..d   place of a local dword, as an offset from EBP; c+3 its last byte
//   8Br    byte plus the number of the scratch register r; 45R plus eight times that number; likewise s, S and t, T
// ( one | another ) are equally long alternatives. Registers that stand in front of the alternatives are chosen anew
// for them, all of them different: r=0 says which one the built file has, r=1:12 that only the numbers 1 and 2 will do.
// `wide` are the three bytes that make the frame; `narrow` are the four that make it and store ECX in [a]. Alternatives
// may destroy EAX, ECX, EDX and the flags exactly where the function does not need them.
#define MP_FRAME "55 ( 8B EC | 89 E5 ) "
#define MP_END "( 8B E5 5D | 89 EC 5D | 90 90 C9 | C9 90 90 | 90 C9 90 | 66 90 C9 ) "
#define MP_PUSH(reg, place) "( r=" reg " 8B 45R " place " 50r | FF 75 " place " 90 | 90 FF 75 " place " ) "
// PUSH of a number of which only the second byte is not 0
#define MP_PUSH_SECOND_BYTE(byte) "( r=0 68 00 " byte " 00 00 | 33 C0Rr B4r " byte " 50r | 31 C0Rr B4r " byte " 50r ) "
#define MP_DROP_ARGUMENT "( r=1:12 83 C4 04 | 58r 66 90 | 90 58r 90 | 83 EC FC ) "
// TEST of EAX
#define MP_IS_SET                                                                                                      \
    "( r=1 F7 D8 1B C0 F7 D8 0F B6 C0R 85 C0Rr | F7 D8 19 C0 F7 D8 0F B6 C0R 0B C0Rr | 85 C0 90 90 90 90 90 90 90 90 " \
    "90 | 8B C0R 66 90 90 90 90 90 90 85 C0Rr ) "
#define MP_VIRTUAL_ALLOC "FF 15 14 F1 FD 00 "
#define MP_VIRTUAL_FREE "FF 15 0C F1 FD 00 "

constexpr std::string_view kDefaultAllocate =
    MP_FRAME "wide ( r=0 89 4D a 8B 45R 08 50r | 8B 45 08 89 4D a 50 | 8B 55 08 89 4D a 52 | FF 75 08 89 4D a 90 | 89 "
             "4D a FF 75 "
             "08 90 ) E8 25 8F 42 00 " MP_DROP_ARGUMENT
             "( 89 45 b 8B 45 b | 89 45 b 90 90 90 | 90 89 45 b 8B C0 ) " MP_END "C2 08 00";

constexpr std::string_view kDefaultFree =
    MP_FRAME "narrow " MP_PUSH("0", "08") "E8 C1 8F 42 00 " MP_DROP_ARGUMENT MP_END "C2 08 00";

constexpr std::string_view kScrapConstruct =
    MP_FRAME "wide ( r=0 89 4D a 8D 45R 08 50r | 8D 45 08 89 4D a 50 | 8D 55 08 89 4D a 52 ) E8 4E 15 DC FF ( 8B C8 | "
             "89 C1 ) E8 "
             "E7 01 00 00 ( r=1:12 8B 45R a 89 00r 89 40r 04 03 45 08 89 40r 08 C7 40r 0C 00 00 00 00 90 90 90 | 8B "
             "45R a C7 40r 0C "
             "00 00 00 00 89 40r 04 89 00r 90 03 45 08 89 40r 08 66 90 ) " MP_END "C2 04 00";

// The bodies of these two take the object from [ebp-30h] and [ebp-14h].
constexpr std::string_view kRequestBuffer = MP_FRAME "wide ( r=0 89 4D D0 8B 45R D0 83 B8r 00 02 00 00 00 | 89 4D D0 "
                                                     "8B C1R 90 83 B8r 00 02 00 00 00 | 8B C1R 90 89 4D D0 "
                                                     "83 B8r 00 02 00 00 00 | 90 89 C8r 89 4D D0 83 B8r 00 02 00 00 00 "
                                                     "| 89 4D D0 83 B9 00 02 00 00 00 90 90 90 ) 75 13 ( "
                                                     "r=1 s=2 8B 45R 08 8B 00Sr 50s | 8B 45R 08 FF 30r 90 ) 8B 4D D0";
constexpr std::string_view kReleaseBuffer =
    MP_FRAME "wide ( r=0 89 4D EC 8B 45R EC 83 B8r 00 02 00 00 40 | 89 4D EC 8B C1R 90 83 B8r 00 02 00 00 40 | 8B C1R "
             "90 89 4D EC "
             "83 B8r 00 02 00 00 40 | 90 89 C8r 89 4D EC 83 B8r 00 02 00 00 40 | 89 4D EC 83 B9 00 02 00 00 40 90 90 "
             "90 ) 72 10 " MP_PUSH("0", "0C") MP_PUSH("1", "08") "8B 4D EC";

constexpr std::string_view kScrapGrow = MP_FRAME
    "wide ( r=0:02 89 4D a C7 45 b 00 00 00 00 | C7 45 b 00 00 00 00 89 4D a | 89 4D a 83 65 b 00 90 90 90 | 83 65 b "
    "00 "
    "89 4D a 90 90 90 | 89 4D a 33 C0Rr 89 45R b 66 90 | 31 C0Rr 89 4D a 89 45R b 66 90 ) "
    "6A 04 " MP_PUSH_SECOND_BYTE("10")
        MP_PUSH("0", "10") "( r=1 8B 45R 08 03 45R 0C 50r | 8B 45R 0C 03 45R 08 50r ) " MP_VIRTUAL_ALLOC MP_IS_SET
                           "75 1D ( r=2 C6 45 c+3 01 8D 45R c+3 50r | 8D 45R c+3 50r C6 45 c+3 01 ) " MP_PUSH(
                               "0", "b") "6A 00 B9 38 62 1F 01 E8 13 0C DC FF 89 45 b EB BE " MP_END "C2 0C 00";

constexpr std::string_view kScrapShrink = MP_FRAME "narrow " MP_PUSH_SECOND_BYTE("40")
    MP_PUSH("0", "10") "( r=1 8B 45R 08 03 45R 0C 2B 45R 10 50r | 8B 45R 0C 03 45R 08 2B 45R 10 50r | 8B 45R 08 2B 45R "
                       "10 03 45R 0C 50r ) " MP_VIRTUAL_FREE MP_END "C2 0C 00";

// Other plugins change the reservation's size: its PUSH stays.
constexpr std::string_view kScrapCreate = MP_FRAME "wide ( 89 4D a 6A 04 | 6A 04 89 4D a ) " MP_PUSH_SECOND_BYTE(
    "20") "68 00 00 80 00 6A 00 " MP_VIRTUAL_ALLOC "( r=1:12 89 45 d C7 45 b 00 00 00 00 | C7 45 b 00 00 00 00 89 45 d "
          "| 89 45 d 83 65 b 00 90 90 90 | 89 45 d 33 C0Rr "
          "89 45R b 66 90 ) 6A 04 " MP_PUSH_SECOND_BYTE("10") MP_PUSH("0", "08") MP_PUSH("1", "d")
              MP_VIRTUAL_ALLOC MP_IS_SET
    "75 1D ( r=2 C6 45 c+3 01 8D 45R c+3 50r | 8D 45R c+3 50r C6 45 c+3 01 ) " MP_PUSH(
        "0", "b") "6A 00 B9 38 62 1F 01 E8 6F 0B DC FF 89 45 b EB C1 8B 45 d " MP_END "C2 04 00";

constexpr std::string_view kScrapFree =
    MP_FRAME "narrow " MP_PUSH_SECOND_BYTE("80") "6A 00 " MP_PUSH("0", "08") MP_VIRTUAL_FREE MP_END "C2 08 00";

constexpr std::string_view kPageCommit = MP_FRAME
    "narrow ( r=0 s=1 t=2 8B 45R 08 C1 E0r 0C 8B 45S a 03 40Rs 04 8B 45T 0C 89 00Rt | 8B 45S a 8B 45R 08 C1 E0r 0C 03 "
    "40Rs 04 8B 45T 0C 89 00Rt | 8B 45T 0C 8B 45R 08 C1 E0r 0C 8B 45S a 03 40Rs 04 89 00Rt | 8B 45T 0C 8B 45S a 8B 45R "
    "08 "
    "C1 E0r 0C 03 40Rs 04 89 00Rt ) 6A 04 " MP_PUSH_SECOND_BYTE("10") MP_PUSH_SECOND_BYTE(
        "10") "( r=0 s=1 8B 45R 0C 8B 00Sr 50s | 8B 45R 0C FF 30r 90 | 8B 45R 0C 90 FF 30r ) " MP_VIRTUAL_ALLOC
              "F7 D8 ( 1B C0 | 19 C0 ) F7 D8 " MP_END "C2 08 00";

constexpr std::string_view kPageDecommit = MP_FRAME "narrow " MP_PUSH_SECOND_BYTE("40") MP_PUSH_SECOND_BYTE("10")
    MP_PUSH("0", "08") MP_VIRTUAL_FREE MP_END "C2 04 00";

constexpr std::string_view kArenaRelease =
    MP_FRAME "narrow " MP_PUSH_SECOND_BYTE("80") "6A 00 ( r=0 s=1 8B 45R a 8B 40Sr 04 50s | 8B 45R a FF 70r 04 90 | 90 "
                                                 "8B 45R a FF 70r 04 ) " MP_VIRTUAL_FREE MP_END "C3";

#undef MP_FRAME
#undef MP_END
#undef MP_PUSH
#undef MP_PUSH_SECOND_BYTE
#undef MP_DROP_ARGUMENT
#undef MP_IS_SET
#undef MP_VIRTUAL_ALLOC
#undef MP_VIRTUAL_FREE

constexpr std::size_t kMostSlots = 4;

struct Function {
    Addr va;
    std::string_view text;
    int frame;                          ///< bytes of the built file's frame; a variant's is as large or larger
    std::array<int, kMostSlots> slots;  ///< a, b, ... in the built file
    int slot_count;
};

constexpr int kDword = 4;

constexpr Function kFunctions[] = {
    {game::fn::kDefaultAllocate.va, kDefaultAllocate, 8, {-8, -4}, 2},
    {game::fn::kDefaultFree.va, kDefaultFree, 4, {-4}, 1},
    {game::fn::kScrapConstruct.va, kScrapConstruct, 8, {-8}, 1},
    {game::fn::kRequestBuffer.va, kRequestBuffer, 0x30, {}, 0},
    {game::fn::kReleaseBuffer.va, kReleaseBuffer, 0x14, {}, 0},
    {game::fn::kGrowBuffer.va, kScrapGrow, 12, {-12, -4, -8}, 3},
    {game::fn::kShrinkBuffer.va, kScrapShrink, 4, {-4}, 1},
    {game::fn::kCreateBuffer.va, kScrapCreate, 16, {-16, -4, -12, -8}, 4},
    {game::fn::kFreeBuffer.va, kScrapFree, 4, {-4}, 1},
    {game::fn::kCommitPage.va, kPageCommit, 4, {-4}, 1},
    {game::fn::kDecommitPage.va, kPageDecommit, 4, {-4}, 1},
    {game::fn::kReleaseArena.va, kArenaRelease, 4, {-4}, 1},
};

// --- choices ---------------------------------------------------------------------------------------------------------

/// Makes the choices of a variant. Not the standard's distributions: they differ from library to library.
class Chooser {
public:
    /// `original`: the choices that lead to the built file.
    Chooser(std::mt19937& random, bool original) : random_(random), original_(original) {}

    [[nodiscard]] bool original() const noexcept { return original_; }
    /// Below `count`; 0 stands for the built file.
    std::size_t below(std::size_t count) { return original_ ? 0 : random_() % count; }

private:
    std::mt19937& random_;
    bool original_;
};

constexpr std::uint8_t kPush = 0x50;  // plus the register
constexpr std::uint8_t kPushEcx = kPush + 1;
constexpr std::uint8_t kNop = 0x90;

/// PUSH of any register that holds anything but ESP and EBP: it only makes room.
std::uint8_t push_anything(Chooser& choose) {
    constexpr std::array<std::uint8_t, 6> kRegisters{0, 1, 2, 3, 6, 7};
    return static_cast<std::uint8_t>(kPush + kRegisters[choose.below(kRegisters.size())]);
}

/// The beginning of a function: the code that makes the frame, and what it is like.
struct Frame {
    Bytes code;
    int size = 0;
    int object = 0;  ///< where the code stores ECX, 0 when it does not
};

constexpr int kLargestFrame = 0x7C;

/// SUB ESP of `least` or more.
Frame subtracted_frame(int least, int most, Chooser& choose) {
    const int sizes = (most - least) / kDword + 1;
    const int size = least + kDword * static_cast<int>(choose.below(static_cast<std::size_t>(sizes)));
    return {{0x83, 0xEC, static_cast<std::uint8_t>(size)}, size};
}

/// Instructions of one or two bytes that push and fill `bytes` bytes; ECX is among what is pushed when `stores`.
Frame pushed_frame(std::size_t bytes, bool stores, Chooser& choose) {
    Frame frame;
    const std::size_t store_at = choose.below(bytes);  // not the first push of two bytes: there would be no place
    while (frame.code.size() < bytes) {
        const std::size_t at = frame.code.size();
        if (stores && frame.object == 0 && at >= store_at) {
            frame.code.push_back(kPushEcx);
            frame.size += kDword;
            frame.object = -frame.size;
        } else if (const std::size_t kind = choose.below(4); kind == 0) {
            frame.code.push_back(kNop);
        } else if (kind == 1 && at + 2 < bytes && (!stores || frame.object != 0 || at + 2 <= store_at)) {
            frame.code.insert(frame.code.end(), {0x6A, static_cast<std::uint8_t>(choose.below(0x80))});
            frame.size += kDword;
        } else {
            frame.code.push_back(push_anything(choose));
            frame.size += kDword;
        }
    }
    return frame;
}

/// Three bytes.
Frame wide_frame(const Function& function, Chooser& choose) {
    constexpr std::size_t kSize = 3;
    const int least = function.slot_count != 0 ? function.slot_count * kDword : function.frame;
    if (choose.original()) {
        return subtracted_frame(function.frame, function.frame, choose);
    }
    if (choose.below(2) == 0) {
        const Frame frame = pushed_frame(kSize, false, choose);
        if (frame.size >= least) {
            return frame;
        }
    }
    return subtracted_frame(least, kLargestFrame, choose);
}

/// Four bytes that store ECX as well.
Frame narrow_frame(Chooser& choose) {
    constexpr std::size_t kSize = 4;
    constexpr std::size_t kKinds = 3;
    switch (choose.original() ? kKinds : choose.below(kKinds)) {
    case 0: {
        Frame frame = subtracted_frame(kDword, kLargestFrame, choose);
        frame.code.push_back(kPushEcx);
        frame.size += kDword;
        frame.object = -frame.size;
        return frame;
    }
    case 1:
        return pushed_frame(kSize, true, choose);
    default:
        return {{choose.original() ? kPushEcx : push_anything(choose), 0x89, 0x4D, 0xFC}, kDword, -kDword};
    }
}

/// Where the local dwords lie; `object` is the first one's place when it is not 0.
std::array<int, kMostSlots> place_slots(const Function& function, const Frame& frame, Chooser& choose) {
    if (choose.original()) {
        return function.slots;
    }
    std::vector<int> free;
    for (int place = -kDword; place >= -frame.size; place -= kDword) {
        if (place != frame.object) {
            free.push_back(place);
        }
    }
    std::array<int, kMostSlots> slots{};
    for (int i = 0; i < function.slot_count; ++i) {
        if (i == 0 && frame.object != 0) {
            slots[0] = frame.object;
            continue;
        }
        const auto chosen = free.begin() + static_cast<std::ptrdiff_t>(choose.below(free.size()));
        slots.at(static_cast<std::size_t>(i)) = *chosen;
        free.erase(chosen);
    }
    return slots;
}

// --- from a listing to code ------------------------------------------------------------------------------------------

using Tokens = std::vector<std::string_view>;

Tokens tokens_of(std::string_view text) {
    Tokens tokens;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end != 0) {
            tokens.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return tokens;
}

/// Writes one function as the choices want it.
class Writer {
public:
    Writer(const Function& function, Chooser& choose) : function_(function), choose_(choose) {}

    Bytes write() {
        const Tokens tokens = tokens_of(function_.text);
        for (std::size_t at = 0; at < tokens.size();) {
            if (tokens[at] == "(") {
                const std::size_t end = end_of_group(tokens, at);
                group(Tokens(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                             tokens.begin() + static_cast<std::ptrdiff_t>(end)));
                at = end + 1;
            } else {
                token(tokens[at++]);
            }
        }
        return code_;
    }

private:
    static constexpr std::size_t kScratchRegisters = 3;  // EAX, ECX, EDX: 0, 1, 2

    [[noreturn]] void fail(std::string_view what) const {
        throw std::logic_error("the listing of a function has " + std::string(what));
    }

    std::size_t end_of_group(const Tokens& tokens, std::size_t at) const {
        const auto end = std::find(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.end(), ")");
        if (end == tokens.end()) {
            fail("no end of its alternatives");
        }
        return static_cast<std::size_t>(end - tokens.begin());
    }

    void group(const Tokens& tokens) {
        std::size_t at = 0;
        std::array<bool, kScratchRegisters> taken{};
        for (; tokens[at].size() > 1 && tokens[at][1] == '='; ++at) {
            choose_register(tokens[at], taken);
        }
        std::vector<Tokens> alternatives(1);
        for (; at < tokens.size(); ++at) {
            if (tokens[at] == "|") {
                alternatives.emplace_back();
            } else {
                alternatives.back().push_back(tokens[at]);
            }
        }
        for (const Tokens& alternative : alternatives) {
            if (alternative.size() != alternatives.front().size()) {
                fail("alternatives of different lengths");
            }
        }
        for (const std::string_view each : alternatives[choose_.below(alternatives.size())]) {
            token(each);
        }
    }

    /// "r=0" or "r=1:12"
    void choose_register(std::string_view text, std::array<bool, kScratchRegisters>& taken) {
        const std::string_view allowed = text.size() > 4 ? text.substr(4) : "012";
        std::vector<std::size_t> free;
        for (const char c : allowed) {
            if (!taken.at(static_cast<std::size_t>(c - '0'))) {
                free.push_back(static_cast<std::size_t>(c - '0'));
            }
        }
        const std::size_t chosen =
            choose_.original() ? static_cast<std::size_t>(text[2] - '0') : free[choose_.below(free.size())];
        taken.at(chosen) = true;
        registers_.at(static_cast<std::size_t>(text[0] - 'r')) = static_cast<std::uint8_t>(chosen);
    }

    void take(const Frame& frame) {
        code_.insert(code_.end(), frame.code.begin(), frame.code.end());
        slots_ = place_slots(function_, frame, choose_);
    }

    void token(std::string_view text) {
        if (text == "wide") {
            take(wide_frame(function_, choose_));
        } else if (text == "narrow") {
            take(narrow_frame(choose_));
        } else if (text[0] >= 'a' && text[0] < 'a' + static_cast<char>(kMostSlots)) {
            const int inside = text.size() > 2 ? text[2] - '0' : 0;
            code_.push_back(static_cast<std::uint8_t>(slots_.at(static_cast<std::size_t>(text[0] - 'a')) + inside));
        } else {
            code_.push_back(byte(text));
        }
    }

    [[nodiscard]] std::uint8_t byte(std::string_view text) const {
        constexpr int kHexadecimal = 16;
        constexpr unsigned kMiddle = 8;
        unsigned value = 0;
        if (text.size() < 2 ||
            std::from_chars(text.data(), text.data() + 2, value, kHexadecimal).ptr != text.data() + 2) {
            fail(text);
        }
        for (const char c : text.substr(2)) {
            const bool middle = c >= 'R' && c <= 'T';
            value += (middle ? kMiddle : 1) * registers_.at(static_cast<std::size_t>(c - (middle ? 'R' : 'r')));
        }
        return static_cast<std::uint8_t>(value);
    }

    const Function& function_;
    Chooser& choose_;
    std::array<std::uint8_t, kScratchRegisters> registers_{};
    std::array<int, kMostSlots> slots_{};
    Bytes code_;
};

Bytes written(const Function& function, std::mt19937& random, bool original) {
    Chooser choose(random, original);
    return Writer(function, choose).write();
}

}  // namespace

std::span<const Addr> varied_functions() {
    static const auto addresses = [] {
        std::array<Addr, std::size(kFunctions)> result{};
        std::ranges::transform(kFunctions, result.begin(), &Function::va);
        return result;
    }();
    return addresses;
}

std::vector<std::uint8_t> variant_of(std::span<const std::uint8_t> file, std::uint32_t seed) {
    ProgramFile program({file.begin(), file.end()});
    std::mt19937 random(seed);
    for (const Function& function : kFunctions) {
        const game::Site& site = *game::find_site(function.va);
        const Bytes built = written(function, random, true);
        const std::uint8_t* there = program.at(function.va, built.size());
        if (there == nullptr || !std::equal(built.begin(), built.end(), there)) {
            throw std::invalid_argument("not the stand-in as it is built: " + std::string(site.name));
        }
        Bytes variant = built;
        while (site.prologue.matches(variant.data())) {
            variant = written(function, random, false);
        }
        std::ranges::copy(variant, program.edit(function.va, variant.size()).begin());
    }
    return std::move(program).bytes();
}

}  // namespace mp::test
