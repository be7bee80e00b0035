// The plugin in a program that is not the game: nothing is touched, and the log says why.
#include "plugin/activation.h"
#include "plugin/commands.h"
#include "plugin/log.h"
#include "plugin/running_image.h"
#include "replace/install.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace mp::plugin {
namespace {

TEST(ForeignProgram, IsRefusedWithItsVersionInTheLog) {
    EXPECT_NE(check_running_image().problem, ImageProblem::none);
    EXPECT_EQ(activate(Moment::preload).state, ActivationState::refused_image);
    EXPECT_EQ(activate(Moment::load).state, ActivationState::refused_image) << "the second moment changes nothing";
    EXPECT_FALSE(hooks_in_place());
    EXPECT_EQ(replace::patch_count(), 0U);
    for (std::size_t i = 0; i < kCommandCount; ++i) {
        EXPECT_EQ(command_value(i), 0.0) << command_name(i);
    }
    std::ifstream file(log::path());
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_NE(text.str().find("expected 1.4.0.525"), std::string::npos) << text.str();
    EXPECT_NE(text.str().find("REFUSED: the game runs on with its own memory system"), std::string::npos);
}

}  // namespace
}  // namespace mp::plugin
