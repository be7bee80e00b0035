// A made-up image of the game for the reading half of the patcher: every site's bytes at its address, breakpoints
// between.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "game/functions.h"
#include "patch/image.h"
#include "patch/verify.h"
#include "support/site_code.h"

namespace mp::patch::test {

using game::Addr;

/// "55 8B ?? EC" at run time.
inline game::BytePattern pattern(std::string_view text) {
    game::BytePattern result;
    for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
        if (text[i] != '?') {
            result.bytes[result.size] =
                static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
            result.mask[result.size] = 0xFF;
        }
        ++result.size;
    }
    return result;
}

class SyntheticImage final : public Image {
public:
    static constexpr Addr kBegin = game::kImageBase;
    static constexpr Addr kEnd = 0x01280000;
    /// What stands in a wildcard's place.
    static constexpr std::uint8_t kAny = 0x11;
    /// Room where no function stands.
    static constexpr Addr kFreeArea = 0x00600000;

    SyntheticImage() : bytes_(kEnd - kBegin, 0xCC) {}

    /// The unmodified game, as far as the table knows it.
    static SyntheticImage of_game() {
        SyntheticImage image;
        for (const game::Site& site : game::kSites) {
            image.put(site, {.free_area = kFreeArea});
        }
        for (const game::PointerSite& site : game::kPointerSites) {
            image.put_dword(site.va, site.expected);
        }
        for (const game::Helper& helper : game::kHelpers) {
            image.put(helper.va, "55 8B EC 51 89 4D FC 8B 45 FC 8B 48 50 8B 55 08 8B 0C 91");
            image.put_relative(helper.va + 0x13, 0xE8, kFreeArea);
            image.put(helper.va + 0x18, "8B E5 5D C2 04 00");
        }
        for (const game::KnownEdit& edit : game::kKnownEdits) {
            image.put(edit.va, edit.unmodified);
        }
        return image;
    }

    [[nodiscard]] const std::uint8_t* at(Addr va, std::size_t size) const noexcept override {
        const bool inside = va >= kBegin && va <= kEnd && size <= kEnd - va;
        const bool in_hole = va < hole_end_ && va + size > hole_begin_;
        return inside && !in_hole ? bytes_.data() + (va - kBegin) : nullptr;
    }

    [[nodiscard]] ModuleRange module_of(Addr va) const noexcept override {
        return va >= kBegin && va < kEnd ? ModuleRange{kBegin, kEnd} : ModuleRange{};
    }

    void owner_of(Addr va, char* name, std::size_t capacity) const noexcept override {
        const std::string_view owner = va >= kEnd ? "other.dll" : "FalloutNV.exe";
        const std::size_t length = std::min(owner.size(), capacity - 1);
        std::memcpy(name, owner.data(), length);
        name[length] = '\0';
    }

    [[nodiscard]] std::uint8_t& operator[](Addr va) { return bytes_.at(va - kBegin); }

    void put(Addr va, const game::BytePattern& bytes) {
        for (std::size_t i = 0; i < bytes.size; ++i) {
            (*this)[va + static_cast<Addr>(i)] = bytes.mask[i] != 0 ? bytes.bytes[i] : kAny;
        }
    }
    /// "55 8B EC", of any length.
    void put(Addr va, std::string_view bytes) {
        for (std::size_t i = 0; i + 1 < bytes.size(); i += 3) {
            (*this)[va++] = static_cast<std::uint8_t>(std::stoi(std::string(bytes.substr(i, 2)), nullptr, 16));
        }
    }
    void put_dword(Addr va, std::uint32_t value) { std::memcpy(&(*this)[va], &value, sizeof value); }
    /// `opcode`, then the distance from behind it and the four bytes to `target`.
    void put_relative(Addr va, std::uint8_t opcode, Addr target) {
        (*this)[va] = opcode;
        put_dword(va + 1, target - (va + 5));
    }
    /// Code that fulfils the row of `site`, or, as the options want, does not.
    void put(const game::Site& site, const mp::test::SiteCodeOptions& options = {}) {
        for (const auto& [va, code] : mp::test::site_code(site, options)) {
            std::memcpy(&(*this)[va], code.data(), code.size());
        }
    }

    /// Makes [begin, end) unreadable.
    void punch_hole(Addr begin, Addr end) {
        hole_begin_ = begin;
        hole_end_ = end;
    }

private:
    std::vector<std::uint8_t> bytes_;
    Addr hole_begin_ = 0;
    Addr hole_end_ = 0;
};

/// Verifies with a walk of its own and names the owner.
inline SiteReport check(const game::Site& site, const Image& image, Accept accept = Accept::bytes_or_structure) {
    static Walk walk;  // too large for a stack
    SiteReport report = verify(site, image, walk, accept);
    name_owner(report, image);
    return report;
}

/// A made-up function of NOPs, without an end of its own.
inline game::Site made_up_site(Addr va, std::string_view first_bytes) {
    game::Site site{};
    site.va = va;
    site.prologue = pattern(first_bytes);
    return site;
}

}  // namespace mp::patch::test
