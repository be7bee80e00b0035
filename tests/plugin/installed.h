// What the tests do with an installation that no game ever does: take it out again and go on.
#pragma once

#include <gtest/gtest.h>

#include "engine_access.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/install.h"
#include "replace/statistics.h"

namespace mp::test {

/// Takes every hook out and leaves the image as it was; false when blocks of ours are live: all hooks stand then.
/// Producers go first, with a moment for a thread inside one to come out: from then on "none is live" stays true.
inline bool restore() {
    const auto take_out = [](bool (*wanted)(const patch::Hook&) noexcept) {
        const auto left_alone = patch::restore(replace::hooks(), wanted, {});
        return left_alone && *left_alone == 0;
    };
    if (replace::live_blocks() != 0) {
        return false;
    }
    const bool producers_are_out = take_out([](const patch::Hook& hook) noexcept {
        return hook.site != nullptr && hook.site->role == game::Role::producer;
    });
    os::sleep_ms(20);
    const bool complete = producers_are_out && replace::live_blocks() == 0 && take_out(nullptr);
    if (!complete) {
        patch::install(replace::hooks());
    }
    replace::look_for_changes();
    return complete;
}

/// Installs boundary mode; the test's blocks must be freed when it ends.
class Installed : public ::testing::Test {
protected:
    void SetUp() override {
        set_memory_context(game::kDefaultContext);
        report_ = replace::install(replace::Extent::boundary);
        ASSERT_EQ(replace::patch_count(), game::kMissionCount);
    }
    void TearDown() override {
        EXPECT_EQ(replace::live_blocks(), 0U) << "the test left blocks behind";
        EXPECT_TRUE(restore());
        EXPECT_EQ(replace::installed_sites(), 0U);
    }
    replace::InstallReport report_;
};

}  // namespace mp::test
