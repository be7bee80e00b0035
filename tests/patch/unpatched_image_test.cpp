// The image without our hooks: our own jumps are looked through, what others wrote is not.
#include "patch/unpatched_image.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <vector>

#include "patch/decode.h"

namespace mp::patch::test {
namespace {

constexpr game::Addr kBegin = 0x00500000;
constexpr game::Addr kEnd = kBegin + 256;

class Bytes final : public Image {
public:
    Bytes() {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            bytes[i] = static_cast<std::uint8_t>(i);
        }
    }
    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override {
        return va >= kBegin && va <= kEnd && size <= kEnd - va ? bytes.data() + (va - kBegin) : nullptr;
    }
    [[nodiscard]] ModuleRange module_of(game::Addr /*va*/) const noexcept override { return {kBegin, kEnd}; }
    void owner_of(game::Addr /*va*/, char* name, std::size_t /*capacity*/) const noexcept override { name[0] = '!'; }

    std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kEnd - kBegin);
};

/// An image in which a hook stands at kBegin + `offset`, over five bytes.
class Hooked : public ::testing::Test {
protected:
    void hook(std::size_t offset) {
        sites.emplace_back().va = kBegin + static_cast<game::Addr>(offset);
        Hook& hook = hooks.add({.site = &sites.back()});
        hook.stands = true;
        hook.size = 5;
        std::memcpy(hook.former.data(), &image.bytes[offset], hook.size);
        const std::uint8_t jump[] = {0xE9, 1, 2, 3, 4};
        std::memcpy(hook.written.data(), jump, sizeof jump);
        std::memcpy(&image.bytes[offset], jump, sizeof jump);
    }
    static void expect_original(const std::uint8_t* found, std::size_t offset, std::size_t size) {
        ASSERT_NE(found, nullptr);
        for (std::size_t i = 0; i < size; ++i) {
            EXPECT_EQ(found[i], offset + i) << offset << " + " << i;
        }
    }

    Bytes image;
    std::deque<game::Site> sites;
    Hooks hooks;
    UnpatchedImage unpatched{image, hooks};
};

TEST_F(Hooked, EveryRangeThatTouchesAHookOfOursReadsAsBefore) {
    hook(100);
    hook(110);
    for (std::size_t offset = 90; offset < 120; ++offset) {
        for (std::size_t size = 1; size <= 24; ++size) {
            expect_original(unpatched.at(kBegin + static_cast<game::Addr>(offset), size), offset, size);
        }
    }
}

TEST_F(Hooked, WhatSomebodyWroteOverOurHookIsShown) {
    hook(100);
    image.bytes[102] = 0xAB;
    const std::uint8_t* found = unpatched.at(kBegin + 100, 5);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found[0], 0xE9);
    EXPECT_EQ(found[2], 0xAB);
}

TEST_F(Hooked, WhereNoHookIsTheImageItselfIsGiven) {
    hook(100);
    EXPECT_EQ(unpatched.at(kBegin + 105, 20), image.at(kBegin + 105, 20));
    EXPECT_EQ(unpatched.at(kBegin, 100), image.at(kBegin, 100));
}

TEST_F(Hooked, WhatCannotBeReadStaysSoAndTooMuchAtOnceIsRefused) {
    hook(100);
    EXPECT_EQ(unpatched.at(kBegin - 1, 4), nullptr);
    EXPECT_EQ(unpatched.at(kEnd - 1, 4), nullptr);
    EXPECT_NE(unpatched.at(kBegin + 80, UnpatchedImage::kMost), nullptr);
    EXPECT_EQ(unpatched.at(kBegin + 80, UnpatchedImage::kMost + 1), nullptr);
}

TEST_F(Hooked, AnInstructionBelowAHookIsDecoded) {
    image.bytes[100] = 0x68;  // PUSH imm32
    hook(100);
    const auto instruction = decode(unpatched, kBegin + 100);
    ASSERT_TRUE(instruction);
    EXPECT_TRUE(instruction->pushes_constant);
    EXPECT_EQ(instruction->constant, 0x68676665U);
}

}  // namespace
}  // namespace mp::patch::test
