// Detours at the entries of the engine's functions, through copies of the instructions that a jump displaces.
#pragma once

#include <windows.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "game/call.h"
#include "map/addresses.h"
#include "patch/decode.h"

namespace mp::standin::test {

/// Bytes of the first whole instructions of a site that a jump covers. Before anything is redirected.
inline std::size_t displaced_bytes(const game::Site& site) {
    const patch::ProcessImage image;
    std::size_t size = 0;
    while (size < game::kJumpSize) {
        size += patch::decode(image, site.va + static_cast<game::Addr>(size)).value().size;
    }
    return size;
}

/// Redirects the first instructions of sites through a copy that counts the entries and notes where in the image each
/// one was called, for the life of the object.
class DetouredSites {
public:
    explicit DetouredSites(bool (*wanted)(game::Addr)) : wanted_(wanted), callers_(kImageBytes) {
        code_ = static_cast<std::uint8_t*>(VirtualAlloc(nullptr, kBytes, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE));
        for (std::size_t i = 0; i < game::kSiteCount; ++i) {
            write_copy(i);
        }
        DWORD old = 0;
        VirtualProtect(code_, kBytes, PAGE_EXECUTE_READ, &old);
        for (std::size_t i = 0; i < game::kSiteCount; ++i) {
            if (wanted_(game::kSites[i].va)) {
                redirect(i);
            }
        }
    }
    ~DetouredSites() {
        for (std::size_t i = 0; i < game::kSiteCount; ++i) {
            if (wanted_(game::kSites[i].va)) {
                write_code(game::kSites[i].va, detours_[i].original, detours_[i].stolen);
            }
        }
        VirtualFree(code_, 0, MEM_RELEASE);
    }
    DetouredSites(const DetouredSites&) = delete;
    DetouredSites& operator=(const DetouredSites&) = delete;

    [[nodiscard]] std::uint32_t entries(std::size_t site) const { return detours_[site].entries; }
    /// Whether a detoured function was entered by a call that returns to `va`.
    [[nodiscard]] bool returned_to(game::Addr va) const { return callers_[va - kCodeBegin] != 0; }

private:
    struct Detour {
        std::uint32_t entries = 0;
        std::size_t stolen = 0;
        std::uint8_t original[game::BytePattern::kCapacity] = {};
    };
    static constexpr std::size_t kImageBytes = kImportsBegin - kCodeBegin;
    static constexpr std::size_t kSlot = 64;
    static constexpr std::size_t kBytes = kSlot * game::kSiteCount;

    template <typename T>
    static void put(std::uint8_t*& code, T value) {
        std::memcpy(code, &value, sizeof value);
        code += sizeof value;
    }
    static void put(std::uint8_t*& code, std::initializer_list<std::uint8_t> bytes) {
        for (const std::uint8_t byte : bytes) {
            *code++ = byte;
        }
    }
    static void put_jump(std::uint8_t* where, game::Addr from, game::Addr to) {
        put(where, {0xE9});
        put(where, to - (from + std::uint32_t{game::kJumpSize}));
    }
    game::Addr slot_address(std::size_t i) const { return game::addr_of(code_ + kSlot * i); }

    /// EAX is free at the entry of every function.
    void write_copy(std::size_t i) {
        const game::Site& site = game::kSites[i];
        Detour& d = detours_[i];
        d.stolen = displaced_bytes(site);
        std::memcpy(d.original, game::at<const void>(site.va), d.stolen);
        std::uint8_t* p = code_ + kSlot * i;
        put(p, {0xFF, 0x05});  // inc dword [entries]
        put(p, game::addr_of(&d.entries));
        put(p, {0x8B, 0x04, 0x24, 0x2D});  // mov eax,[esp]; sub eax,begin
        put(p, kCodeBegin);
        put(p, {0x3D});  // cmp eax,size
        put(p, std::uint32_t{kImageBytes});
        put(p, {0x73, 0x07, 0xC6, 0x80});  // jae over; mov byte [eax+callers],1
        put(p, game::addr_of(callers_.data()));
        put(p, {0x01});
        std::memcpy(p, d.original, d.stolen);
        p += d.stolen;
        put_jump(p, game::addr_of(p), site.va + static_cast<game::Addr>(d.stolen));
    }
    void redirect(std::size_t i) {
        std::uint8_t jump[game::BytePattern::kCapacity];
        std::memset(jump, 0xCC, sizeof jump);  // who falls through notices
        put_jump(jump, game::kSites[i].va, slot_address(i));
        write_code(game::kSites[i].va, jump, detours_[i].stolen);
    }
    static void write_code(game::Addr va, const std::uint8_t* bytes, std::size_t size) {
        auto* target = game::at<void>(va);
        DWORD old = 0;
        VirtualProtect(target, size, PAGE_READWRITE, &old);
        std::memcpy(target, bytes, size);
        VirtualProtect(target, size, old, &old);
        FlushInstructionCache(GetCurrentProcess(), target, size);
    }

    bool (*wanted_)(game::Addr);
    std::vector<std::uint8_t> callers_;
    std::uint8_t* code_ = nullptr;
    Detour detours_[game::kSiteCount];
};

}  // namespace mp::standin::test
