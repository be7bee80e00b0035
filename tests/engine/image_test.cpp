// The image against the site table.
#include "game/sites.h"

#include <gtest/gtest.h>

namespace mp {
namespace {

TEST(Image, FirstBytesAgreeWithTheTable) {
    for (const game::Site& site : game::kSites) {
        EXPECT_TRUE(site.prologue.matches(reinterpret_cast<const std::uint8_t*>(site.va))) << std::hex << site.va;
    }
}

}  // namespace
}  // namespace mp
