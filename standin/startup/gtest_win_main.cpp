// WinMain of a GoogleTest executable over the stand-in.
#include "startup/standin_main.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" int standin_win_main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
