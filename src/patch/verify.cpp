#include "patch/verify.h"

#include <cstring>
#include <optional>

#include "patch/jump.h"
#include "patch/text.h"

namespace mp::patch {
namespace {

using game::Addr;
using game::BytePattern;
using game::ReturnCheck;
using game::Site;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
/// MOV EDI,EDI: two bytes that a hook may leave standing in front of its jump.
constexpr std::size_t kHotPatchSize = 2;

/// Index of the first byte that disagrees, kNone when all agree.
std::size_t first_difference(const BytePattern& pattern, const std::uint8_t* data) noexcept {
    for (std::size_t i = 0; i < pattern.size; ++i) {
        if (pattern.mask[i] != 0 && pattern.bytes[i] != data[i]) {
            return i;
        }
    }
    return kNone;
}

void show(SiteReport& report, const BytePattern& pattern, const std::uint8_t* observed) noexcept {
    report.byte_count = pattern.size;
    report.expected = pattern.bytes;
    report.mask = pattern.mask;
    report.observed = {};
    if (observed != nullptr) {
        std::memcpy(report.observed.data(), observed, pattern.size);
    }
}

/// Also used for ranges of which only a part can be read: the first address that cannot.
Addr first_unreadable(const Image& image, Addr va, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) {
        if (image.at(va + static_cast<Addr>(i), 1) == nullptr) {
            return va + static_cast<Addr>(i);
        }
    }
    return va;
}

void set_unreadable(SiteReport& report, const BytePattern& pattern, const Image& image, Addr va,
                    std::size_t size) noexcept {
    show(report, pattern, nullptr);
    report.finding = Finding::unreadable;
    report.address = first_unreadable(image, va, size);
}

/// A jump at +0, or behind MOV EDI,EDI, that covers the first byte that differs.
std::optional<Jump> foreign_jump(const Image& image, Addr va, const std::uint8_t* code,
                                 std::size_t difference) noexcept {
    if (const std::optional<Jump> jump = jump_at(image, va); jump && difference < jump->size) {
        return jump;
    }
    if (code[0] != 0x8B || code[1] != 0xFF) {
        return std::nullopt;
    }
    const std::optional<Jump> jump = jump_at(image, va + static_cast<Addr>(kHotPatchSize));
    if (!jump || difference < kHotPatchSize || difference >= kHotPatchSize + jump->size) {
        return std::nullopt;
    }
    return jump;
}

void name_target(SiteReport& report, const Image& image, Addr target) noexcept {
    report.jump_target = target;
    image.owner_of(target, report.owner.data(), report.owner.size());
}

/// False when the first bytes are not the expected ones; `report` says how.
bool check_prologue(SiteReport& report, const Site& site, const Image& image) noexcept {
    const std::uint8_t* code = image.at(site.va, site.prologue.size);
    if (code == nullptr) {
        set_unreadable(report, site.prologue, image, site.va, site.prologue.size);
        return false;
    }
    show(report, site.prologue, code);
    const std::size_t difference = first_difference(site.prologue, code);
    if (difference == kNone) {
        return true;
    }
    report.address = site.va + static_cast<Addr>(difference);
    report.finding = Finding::prologue_differs;
    if (const std::optional<Jump> jump = foreign_jump(image, site.va, code, difference)) {
        report.finding = Finding::foreign_jump;
        name_target(report, image, jump->target);
    }
    return false;
}

bool return_differs(SiteReport& report, const BytePattern& pattern, const std::uint8_t* observed,
                    Addr address) noexcept {
    show(report, pattern, observed);
    report.finding = Finding::return_differs;
    report.address = address;
    return false;
}

bool check_return_at(SiteReport& report, const ReturnCheck& check, const std::uint8_t* code) noexcept {
    const std::size_t difference = first_difference(check.pattern, code);
    return difference == kNone ||
           return_differs(report, check.pattern, code, check.from + static_cast<Addr>(difference));
}

/// Index of the pattern's wildcard, kNone when it has none.
std::size_t wildcard_of(const BytePattern& pattern) noexcept {
    for (std::size_t i = 0; i < pattern.size; ++i) {
        if (pattern.mask[i] == 0) {
            return i;
        }
    }
    return kNone;
}

/// The table's number of popped bytes, or, where the epilogue tells, one of the two numbers that make sense.
bool plausible_count(const Site& site, std::uint8_t count) noexcept {
    return site.bytes_popped == game::kPopsToldByEpilogue ? count == 4 || count == 8 : count == site.bytes_popped;
}

bool check_return_within(SiteReport& report, const Site& site, const std::uint8_t* code) noexcept {
    const BytePattern& pattern = site.returns.pattern;
    const std::size_t size = site.returns.to - site.returns.from;
    std::size_t found = kNone;
    for (std::size_t i = 0; i + pattern.size <= size; ++i) {
        if (first_difference(pattern, code + i) != kNone) {
            continue;
        }
        if (found != kNone) {  // two candidates prove nothing
            return return_differs(report, pattern, code + i, site.returns.from + static_cast<Addr>(i));
        }
        found = i;
    }
    if (found == kNone) {
        return return_differs(report, pattern, size >= pattern.size ? code : nullptr, site.returns.from);
    }
    const std::size_t wildcard = wildcard_of(pattern);
    if (wildcard == kNone) {
        return true;
    }
    const std::uint8_t count = code[found + wildcard];
    if (!plausible_count(site, count)) {
        return return_differs(report, pattern, code + found, site.returns.from + static_cast<Addr>(found + wildcard));
    }
    report.bytes_popped = static_cast<std::int8_t>(count);
    return true;
}

bool check_return(SiteReport& report, const Site& site, const Image& image) noexcept {
    const ReturnCheck& check = site.returns;
    if (check.kind == ReturnCheck::Kind::unknown) {
        return true;
    }
    const std::size_t size = check.kind == ReturnCheck::Kind::at ? check.pattern.size : check.to - check.from;
    const std::uint8_t* code = image.at(check.from, size);
    if (code == nullptr) {
        set_unreadable(report, check.pattern, image, check.from, size);
        return false;
    }
    return check.kind == ReturnCheck::Kind::at ? check_return_at(report, check, code)
                                               : check_return_within(report, site, code);
}

BytePattern pattern_of(Addr value) noexcept {
    BytePattern pattern;
    pattern.size = sizeof value;
    std::memcpy(pattern.bytes.data(), &value, sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i) {
        pattern.mask[i] = 0xFF;
    }
    return pattern;
}

std::string_view name_of(Addr va) noexcept {
    if (const Site* site = game::find_site(va)) {
        return site->name;
    }
    for (const game::PointerSite& site : game::kPointerSites) {
        if (site.va == va) {
            return site.name;
        }
    }
    return {};
}

void add_target(Text& text, const SiteReport& report) noexcept {
    text.add_address(report.jump_target);
    if (report.owner[0] != '\0') {
        text.add(" (").add(report.owner.data()).add(")");
    }
}

void add_finding(Text& text, const SiteReport& report) noexcept {
    switch (report.finding) {
    case Finding::ok:
        text.add("as expected");
        break;
    case Finding::unreadable:
        text.add("not readable at ").add_address(report.address);
        break;
    case Finding::prologue_differs:
        text.add("unknown first bytes, from ").add_address(report.address).add(" on");
        break;
    case Finding::foreign_jump:
        add_target(text.add("foreign jump to "), report);
        break;
    case Finding::return_differs:
        text.add("return instruction differs at ").add_address(report.address);
        break;
    case Finding::pointer_differs:
        add_target(text.add("slot leads to "), report);
        break;
    }
}

}  // namespace

SiteReport verify(const game::Site& site, const Image& image) noexcept {
    SiteReport report;
    report.site = site.va;
    report.address = site.va;
    report.bytes_popped = site.bytes_popped;
    if (check_prologue(report, site, image)) {
        check_return(report, site, image);
    }
    return report;
}

SiteReport verify(const game::PointerSite& site, const Image& image) noexcept {
    SiteReport report;
    report.site = site.va;
    report.address = site.va;
    report.bytes_popped = static_cast<std::int8_t>(site.bytes_popped);
    const BytePattern pattern = pattern_of(site.expected);
    const std::uint8_t* slot = image.at(site.va, pattern.size);
    if (slot == nullptr) {
        set_unreadable(report, pattern, image, site.va, pattern.size);
        return report;
    }
    show(report, pattern, slot);
    const std::size_t difference = first_difference(pattern, slot);
    if (difference == kNone) {
        return report;
    }
    report.finding = Finding::pointer_differs;
    report.address = site.va + static_cast<Addr>(difference);
    Addr value = 0;
    std::memcpy(&value, slot, sizeof value);
    name_target(report, image, value);
    return report;
}

std::size_t describe(const SiteReport& report, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    text.add_address(report.site);
    if (const std::string_view name = name_of(report.site); !name.empty()) {
        text.add(" ").add(name);
    }
    add_finding(text.add(": "), report);
    if (report.finding == Finding::ok) {
        return text.length();
    }
    text.add("; expected ").add_bytes(report.expected.data(), report.mask.data(), report.byte_count);
    if (report.finding != Finding::unreadable) {
        text.add(", found ").add_bytes(report.observed.data(), nullptr, report.byte_count);
    }
    return text.length();
}

}  // namespace mp::patch
