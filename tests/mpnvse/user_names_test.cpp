// Texts that are sent name no user.
#include "mpnvse/user_names.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace mp::tools::test {
namespace {

bool is_never_a_pair(char /*byte*/) {
    return false;
}

std::string without(std::string_view text) {
    return without_user_names(text, &is_never_a_pair);
}

TEST(UserNames, AreReplacedInEveryKindOfPath) {
    EXPECT_EQ(without(R"(C:\Users\Ann\AppData)"), R"(C:\Users\<user>\AppData)");
    EXPECT_EQ(without(R"(c:\users\Ann Other\x; D:\USERS\Bob\y)"), R"(c:\users\<user>\x; D:\USERS\<user>\y)");
    EXPECT_EQ(without(R"("C:\\Users\\Ann\\x")"), R"("C:\\Users\\<user>\\x")");
    EXPECT_EQ(without("file:///C:/Users/Ann%20O/x"), "file:///C:/Users/<user>/x");
    EXPECT_EQ(without(R"(C:\Documents and Settings\Ann\x)"), R"(C:\Documents and Settings\<user>\x)");
    EXPECT_EQ(without(R"(\\pc\Users\Ann\x)"), R"(\\pc\Users\<user>\x)");
    EXPECT_EQ(without("/home/ann/x:/var/home/bob/y"), "/home/<user>/x:/var/home/<user>/y");
    EXPECT_EQ(without(R"(Z:\home\ann\.steam)"), R"(Z:\home\<user>\.steam)");
    EXPECT_EQ(without("/media/ann/disk, /run/media/bob/disk"), "/media/<user>/disk, /run/media/<user>/disk");
    EXPECT_EQ(without(R"(Z:\media\ann\disk)"), R"(Z:\media\<user>\disk)");
}

TEST(UserNames, AtTheEndOfAPathAreReplacedToTheEndOfLineOrQuotes) {
    EXPECT_EQ(without("x = C:\\Users\\Ann Other\ny"), "x = C:\\Users\\<user>\ny");
    EXPECT_EQ(without("0,\"in C:\\Users\\Ann Other\",5"), "0,\"in C:\\Users\\<user>\",5");
    EXPECT_EQ(without("/home/ann"), "/home/<user>");
}

TEST(UserNames, OfNobodyAndOtherFoldersStay) {
    for (const std::string_view text :
         {R"(C:\Users\Public\x)", "/drive_c/users/steamuser/x", R"(C:\Games\Fallout\Data)", R"(C:\Users\)", "/home/",
          R"(D:\Games\Media\x\y)", R"(C:\Usersand\Ann\x)", "home/ann", "", "\\", "//"}) {
        EXPECT_EQ(without(text), text);
    }
}

TEST(UserNames, KeepEveryOtherByte) {
    std::string text;
    for (int byte = 0; byte < 256; ++byte) {
        text += static_cast<char>(byte);
    }
    EXPECT_EQ(without(text), text);
    EXPECT_EQ(without(std::string("\xFF\xFE", 2) + text), std::string("\xFF\xFE", 2) + text);
}

TEST(UserNames, OfLettersThatEndInABackslashAreReplacedWhole) {
    // In code page 932 the second byte of this letter is a backslash.
    const auto is_lead = [](char byte) { return static_cast<unsigned char>(byte) == 0x95; };
    EXPECT_EQ(without_user_names("C:\\Users\\\x95\\x\\y", is_lead), "C:\\Users\\<user>\\y");
    EXPECT_EQ(without_user_names("\x95\\Users\\Ann\\x", is_lead), "\x95\\Users\\Ann\\x");
    EXPECT_EQ(without_user_names("\x95\\Users", is_lead), "\x95\\Users");
}

}  // namespace
}  // namespace mp::tools::test
