// A test fixture with boundary mode installed in the running stand-in, and taken out again afterwards.
#pragma once

#include <gtest/gtest.h>

#include "engine_access.h"
#include "replace/counters.h"
#include "replace/install.h"
#include "replace/subsystem.h"

namespace mp::test {

/// Installs boundary mode; the test's blocks must be freed when it ends.
class Installed : public ::testing::Test {
protected:
    void SetUp() override {
        set_memory_context(game::kDefaultContext);
        report_ = replace::install(replace::boundary_subsystems());
        ASSERT_EQ(replace::patch_count(), game::kMissionCount);
    }
    void TearDown() override {
        const replace::RestoreReport report = replace::restore();
        EXPECT_EQ(report.live_blocks, 0U) << "the test left blocks behind";
        EXPECT_TRUE(report.complete());
        EXPECT_EQ(replace::installed_sites(), 0U);
    }
    replace::InstallReport report_;
};

}  // namespace mp::test
