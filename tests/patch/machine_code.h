// Small x86 functions in memory of their own, each with a site that describes it, as victims for the patcher.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/os.h"
#include "patch/transaction.h"

#if defined(__clang__)
// The checker would look for a type in front of functions that no compiler made.
#define MP_CALLS_MACHINE_CODE __attribute__((no_sanitize("function")))
#else
#define MP_CALLS_MACHINE_CODE
#endif

namespace mp::patch::test {

using game::Addr;
using IntFunction = int (*)(int);

MP_CALLS_MACHINE_CODE inline int call(const void* function, int argument) {
    return reinterpret_cast<IntFunction>(reinterpret_cast<std::uintptr_t>(function))(argument);
}

inline Addr address_of(const void* pointer) {
    return static_cast<Addr>(reinterpret_cast<std::uintptr_t>(pointer));
}

/// Pages of code and of pointer slots; executable, or read-only, once `seal` was called.
class CodeRegion {
public:
    static constexpr std::size_t kPages = 8;
    static constexpr std::size_t kSlotPage = kPages - 1;

    CodeRegion() : base_(static_cast<std::uint8_t*>(os::reserve(os::kGranule))) {
        EXPECT_TRUE(base_ != nullptr && os::commit(base_, size()));
        std::memset(base_, 0xCC, size());
    }
    ~CodeRegion() { os::release(base_, os::kGranule); }
    CodeRegion(const CodeRegion&) = delete;
    CodeRegion& operator=(const CodeRegion&) = delete;

    [[nodiscard]] std::uint8_t* at(std::size_t offset) const { return base_ + offset; }
    [[nodiscard]] static constexpr std::size_t size() { return kPages * os::kPage; }

    /// cdecl int f(int a) that returns a + `difference`, with a frame of `frame_form`: the encodings of the game that
    /// need 5, 6, 7 and 9 displaced bytes.
    const game::Site& add_function(std::size_t offset, int difference, std::size_t displaced,
                                   game::Role role = game::Role::consumer) {
        std::vector<std::uint8_t> code = prologue_of(displaced);
        game::Site& site = sites_.emplace_back();
        append(code, {0x8B, 0x45, 0x08, 0x05});  // MOV EAX,[EBP+8]; ADD EAX,imm32
        std::uint8_t immediate[4];
        std::memcpy(immediate, &difference, 4);
        code.insert(code.end(), immediate, immediate + 4);
        site.prologue.size = static_cast<std::uint8_t>(code.size());
        std::memcpy(site.prologue.bytes.data(), code.data(), code.size());
        std::memset(site.prologue.mask.data(), 0xFF, code.size());
        append(code, {0x8B, 0xE5, 0x5D, 0xC3});  // MOV ESP,EBP; POP EBP; RET
        std::memcpy(at(offset), code.data(), code.size());
        site.va = address_of(at(offset));
        site.name = "made-up function";
        site.group = game::Group::scrap_buffers;
        site.convention = game::Convention::cdecl_;
        site.role = role;
        site.size = static_cast<std::uint16_t>(code.size());
        site.main_return = {site.va + static_cast<Addr>(code.size()) - 1, game::Confidence::certain};
        return site;
    }

    const game::PointerSite& add_slot(std::size_t index, Addr target) {
        std::uint8_t* slot = at(kSlotPage * os::kPage + index * sizeof(Addr));
        std::memcpy(slot, &target, sizeof target);
        game::PointerSite& site = slots_.emplace_back();
        site.va = address_of(slot);
        site.expected = target;
        site.name = "made-up slot";
        site.group = game::Group::heap_blocks;
        return site;
    }

    void seal() {
        EXPECT_TRUE(os::protect(base_, kSlotPage * os::kPage, os::Protection::execute_read, nullptr));
        EXPECT_TRUE(os::protect(at(kSlotPage * os::kPage), os::kPage, os::Protection::read, nullptr));
        os::flush_instruction_cache(base_, size());
    }

    /// Writes over sealed code, as somebody else would.
    void overwrite(Addr va, std::initializer_list<std::uint8_t> bytes) {
        auto* page = reinterpret_cast<void*>(static_cast<std::uintptr_t>(va) / os::kPage * os::kPage);
        os::OldProtection old = 0;
        EXPECT_TRUE(os::protect(page, os::kPage, os::Protection::read_write, &old));
        std::memcpy(reinterpret_cast<void*>(static_cast<std::uintptr_t>(va)), bytes.begin(), bytes.size());
        EXPECT_TRUE(os::restore_protection(page, os::kPage, old));
        os::flush_instruction_cache(page, os::kPage);
    }

    [[nodiscard]] std::vector<std::uint8_t> bytes() const { return {base_, base_ + size()}; }

private:
    static void append(std::vector<std::uint8_t>& code, std::initializer_list<std::uint8_t> bytes) {
        code.insert(code.end(), bytes);
    }

    static std::vector<std::uint8_t> prologue_of(std::size_t displaced) {
        switch (displaced) {
        case 5:
            return {0x8B, 0xFF, 0x55, 0x8B, 0xEC};  // MOV EDI,EDI; PUSH EBP; MOV EBP,ESP
        case 6:
            return {0x55, 0x8B, 0xEC, 0x83, 0xEC, 0x08};  // PUSH EBP; MOV EBP,ESP; SUB ESP,8
        case 7:
            return {0x55, 0x8B, 0xEC, 0x51, 0x89, 0x4D, 0xFC};  // ...; PUSH ECX; MOV [EBP-4],ECX
        default:
            return {0x55, 0x8B, 0xEC, 0x81, 0xEC, 0x74, 0x03, 0x00, 0x00};  // ...; SUB ESP,374
        }
    }

    std::uint8_t* base_;
    std::deque<game::Site> sites_;
    std::deque<game::PointerSite> slots_;
};

/// Asks for those hooks that were not asked for yet, and installs the list.
inline InstallReport ask_and_install(std::initializer_list<std::span<const Hook>> asked, Hooks& list) {
    for (const std::span<const Hook> hooks : asked) {
        for (const Hook& hook : hooks) {
            if (list.find(hook.va()) == nullptr) {
                list.add(hook);
            }
        }
    }
    return install(list);
}

/// Where the replacement number `Number` finds its original.
template <int Number>
inline void* g_original = nullptr;

/// Adds 1000 to what the original answers.
template <int Number>
int replacement(int argument) {
    return call(g_original<Number>, argument) + 1000;
}

template <int Number>
const void* replacement_address() {
    return reinterpret_cast<const void*>(&replacement<Number>);
}

}  // namespace mp::patch::test
