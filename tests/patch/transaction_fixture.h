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
            sites[i] = &region.add_function(0x100 + i * 0x40, static_cast<int>(i) + 1, kDisplaced[i]);
        }
        // Three of its displaced bytes on one page, three on the next.
        straddling = &region.add_function(3 * os::kPage - 3, 5, 6);
        slot = &region.add_slot(7, sites[0]->va);
        region.seal();
        before = region.bytes();
        protections_before = protections_of(region.at(0), CodeRegion::size());
        g_original<0> = g_original<1> = g_original<2> = g_original<3> = g_original<4> = nullptr;
        hooks = {{{sites[0], replacement_address<0>(), &g_original<0>, Role::producer},
                  {sites[1], replacement_address<1>(), &g_original<1>, Role::consumer},
                  {sites[2], replacement_address<2>(), &g_original<2>, Role::consumer},
                  {sites[3], replacement_address<3>(), &g_original<3>, Role::producer},
                  {straddling, replacement_address<4>(), &g_original<4>, Role::consumer}}};
        pointers = {{{slot, replacement_address<5>(), &slot_original}}};
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
        const auto installed = install(hooks, pointers, installation);
        ASSERT_TRUE(installed) << text(installed.error());
    }
    std::size_t restore_all() {
        const auto restored = restore(installation, left_alone);
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
    std::array<PointerHook, 1> pointers{};
    void* slot_original = nullptr;
    Installation installation;
    std::array<Error, 8> left_alone{};
    std::vector<std::uint8_t> before;
    std::vector<PageProtection> protections_before;
};

}  // namespace mp::patch::test
