#include "os/process.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "os/os.h"
#include "patch/image.h"

namespace mp::patch::test {
namespace {

int a_function_of_this_program() {
    return 1;
}

const void* address_of(int (*function)()) {
    return reinterpret_cast<const void*>(function);
}

TEST(ModuleName, ACodeAddressLeadsToThisProgramsFileName) {
    std::array<char, 64> name{};
    ASSERT_TRUE(os::module_name_at(address_of(a_function_of_this_program), name.data(), name.size()));
    EXPECT_NE(std::string(name.data()).find("patch_plan_test"), std::string::npos);
    EXPECT_EQ(std::string(name.data()).find_first_of("/\\"), std::string::npos);
}

TEST(ModuleName, MemoryOfNoModuleHasNone) {
    void* memory = os::reserve_commit(os::kGranule);
    ASSERT_NE(memory, nullptr);
    std::array<char, 64> name{'x'};
    EXPECT_FALSE(os::module_name_at(memory, name.data(), name.size()));
    EXPECT_STREQ(name.data(), "");
    os::release(memory, os::kGranule);
}

TEST(ModuleName, IsCutOffAndTerminated) {
    std::array<char, 6> name{'#', '#', '#', '#', '#', '#'};
    ASSERT_TRUE(os::module_name_at(address_of(a_function_of_this_program), name.data(), 5));
    EXPECT_STREQ(name.data(), "patc");
    EXPECT_EQ(name[5], '#');
    EXPECT_FALSE(os::module_name_at(address_of(a_function_of_this_program), name.data(), 0));
}

TEST(PinModule, ThisProgramCanBePinnedAndBareMemoryCannot) {
    EXPECT_TRUE(os::pin_module_of(address_of(a_function_of_this_program)));
    void* memory = os::reserve_commit(os::kGranule);
    EXPECT_FALSE(os::pin_module_of(memory));
    os::release(memory, os::kGranule);
}

#if UINTPTR_MAX == 0xFFFFFFFF
class ProcessPicture : public ::testing::Test {
protected:
    void SetUp() override {
        region = static_cast<std::uint8_t*>(os::reserve(os::kGranule));
        ASSERT_NE(region, nullptr);
        ASSERT_TRUE(os::commit(region, 2 * os::kPage));
        va = static_cast<game::Addr>(reinterpret_cast<std::uintptr_t>(region));
    }
    void TearDown() override { os::release(region, os::kGranule); }

    std::uint8_t* region = nullptr;
    game::Addr va = 0;
    ProcessImage image;
};

TEST_F(ProcessPicture, ShowsReadableBytesInPlace) {
    EXPECT_EQ(image.at(va + 5, os::kPage), region + 5);
}

TEST_F(ProcessPicture, ReachesOverPagesOfDifferentProtection) {
    ASSERT_TRUE(os::protect(region, os::kPage, os::Protection::execute_read, nullptr));
    EXPECT_EQ(image.at(va + os::kPage - 1, 2), region + os::kPage - 1);
}

TEST_F(ProcessPicture, HidesWhatReachesIntoUncommittedMemory) {
    EXPECT_NE(image.at(va + 2 * os::kPage - 1, 1), nullptr);
    EXPECT_EQ(image.at(va + 2 * os::kPage - 1, 2), nullptr);
    EXPECT_EQ(image.at(va + 2 * os::kPage, 1), nullptr);
}

TEST_F(ProcessPicture, HidesPagesWithoutAccess) {
    ASSERT_TRUE(os::protect(region + os::kPage, os::kPage, os::Protection::none, nullptr));
    EXPECT_EQ(image.at(va + os::kPage - 1, 2), nullptr);
}

TEST_F(ProcessPicture, HidesTheEndsOfTheAddressSpace) {
    EXPECT_EQ(image.at(0, 1), nullptr);
    EXPECT_EQ(image.at(0xFFFFFFFF, 2), nullptr);
}
#endif

}  // namespace
}  // namespace mp::patch::test
