// WinMain of a GoogleTest executable over the stand-in.
#include "startup/standin_main.h"

#include <cstdio>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

bool finished = false;

/// Code of the engine ends the process with code 0 when it has no memory. That must not look like success.
void complain_when_unfinished() {
    if (!finished) {
        constexpr int kCutShort = 70;
        std::fputs("the engine ended the process before all tests had run\n", stderr);
        std::_Exit(kCutShort);
    }
}

}  // namespace

extern "C" int standin_win_main(int argc, char** argv) {
    std::atexit(complain_when_unfinished);
    testing::InitGoogleMock(&argc, argv);
    const int result = RUN_ALL_TESTS();
    finished = true;
    return result;
}
