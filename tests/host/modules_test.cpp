// The list of a process's modules while they come and go.
#include <gtest/gtest.h>

#include <windows.h>

#include "os/background.h"
#include "os/os.h"

namespace {

using namespace mp;

struct Seen {
    HMODULE module = nullptr;
    bool told = false;
    bool readable_while_told = false;
};

bool is_mapped(HMODULE module) {
    os::RegionInfo region;
    return os::query(module, &region) && region.state == os::PageState::committed && region.image;
}

// Its last user unloads it while the list is made, as another thread may.
TEST(Modules, OneThatIsUnloadedMeanwhileStaysUntilItHasBeenTold) {
    Seen seen{LoadLibraryA("probe_library.dll")};
    ASSERT_NE(seen.module, nullptr);
    os::each_module(
        [](void* context, const os::LoadedModule& module) {
            auto& wanted = *static_cast<Seen*>(context);
            if (module.base == reinterpret_cast<std::uintptr_t>(wanted.module)) {
                wanted.told = true;
                FreeLibrary(wanted.module);
                wanted.readable_while_told = is_mapped(wanted.module);
            }
        },
        &seen);
    EXPECT_TRUE(seen.told);
    EXPECT_TRUE(seen.readable_while_told);
    EXPECT_FALSE(is_mapped(seen.module)) << "and no longer";
}

}  // namespace
