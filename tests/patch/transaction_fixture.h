// A set of victims for the patcher and hooks for all of them: four functions on one page, one that straddles two pages,
// and a pointer slot on a read-only page.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "machine_code.h"
#include "page_protection.h"
#include "patch/transaction.h"

namespace mp::patch::test {

inline constexpr std::array<std::size_t, 4> kDisplaced{5, 6, 7, 9};

class Transaction : public ::testing::Test {
protected:
    void SetUp() override {
        for (std::size_t i = 0; i < sites.size(); ++i) {
            const game::Role role = i == 0 || i == 3 ? game::Role::producer : game::Role::consumer;
            sites[i] = &region.add_function(0x100 + i * 0x40, static_cast<int>(i) + 1, kDisplaced[i], role);
        }
        // Three of its displaced bytes on one page, three on the next.
        straddling = &region.add_function(3 * os::kPage - 3, 5, 6);
        slot = &region.add_slot(7, sites[0]->va);
        region.seal();
        before = region.bytes();
        protections_before = protections_of(region.at(0), CodeRegion::size());
        g_original<0> = g_original<1> = g_original<2> = g_original<3> = g_original<4> = nullptr;
        hooks = {{{.site = sites[0], .replacement = replacement_address<0>(), .original = &g_original<0>},
                  {.site = sites[1], .replacement = replacement_address<1>(), .original = &g_original<1>},
                  {.site = sites[2], .replacement = replacement_address<2>(), .original = &g_original<2>},
                  {.site = sites[3], .replacement = replacement_address<3>(), .original = &g_original<3>},
                  {.site = straddling, .replacement = replacement_address<4>(), .original = &g_original<4>}}};
        slots = {{{.slot = slot, .replacement = replacement_address<5>(), .original = &slot_original}}};
    }

    static const void* entry(const game::Site& site) {
        return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(site.va));
    }
    int call_site(std::size_t i, int argument) { return call(entry(*hooks[i].site), argument); }
    [[nodiscard]] const void* slot_value() const {
        Addr value = 0;
        std::memcpy(&value, reinterpret_cast<const void*>(static_cast<std::uintptr_t>(slot->va)), sizeof value);
        return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(value));
    }
    void expect_untouched() {
        EXPECT_EQ(region.bytes(), before);
        EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
    }
    void install_all() {
        const InstallReport report = try_to_install();
        ASSERT_FALSE(report.has_error()) << text(report.error);
    }
    InstallReport try_to_install() { return ask_and_install({hooks, slots}, list); }
    std::size_t restore_all() {
        const auto restored = restore(list, nullptr, left_alone);
        EXPECT_TRUE(restored) << text(restored.error());
        return restored.value_or(999);
    }
    static std::string text(const Error& error) {
        std::array<char, 512> buffer{};
        const std::size_t length = describe(error, buffer.data(), buffer.size());
        return {buffer.data(), length};
    }

    CodeRegion region;
    std::array<const game::Site*, 4> sites{};
    const game::Site* straddling = nullptr;
    const game::PointerSite* slot = nullptr;
    std::array<Hook, 5> hooks{};
    std::array<Hook, 1> slots{};
    void* slot_original = nullptr;
    Hooks list;
    std::array<Error, 8> left_alone{};
    std::vector<std::uint8_t> before;
    std::vector<PageProtection> protections_before;
};

}  // namespace mp::patch::test
