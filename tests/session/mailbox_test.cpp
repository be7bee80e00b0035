// Events from many threads arrive whole, each thread's in their order, and none is lost unseen.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "session/mailbox.h"

namespace mp::session::test {
namespace {

std::string_view text_of(const Mailbox::Event& event) {
    return {event.text.data(), event.length};
}

TEST(Mailbox, GivesTheOldestFirst) {
    Mailbox mailbox;
    Mailbox::Event event;
    EXPECT_FALSE(mailbox.take(event));
    for (const char* text : {"one", "two", "three"}) {
        mailbox.put(7, "note", text);
    }
    for (const char* text : {"one", "two", "three"}) {
        ASSERT_TRUE(mailbox.take(event));
        EXPECT_EQ(text_of(event), text);
        EXPECT_EQ(event.kind, "note");
        EXPECT_EQ(event.ms, 7U);
    }
    EXPECT_FALSE(mailbox.take(event));
}

TEST(Mailbox, CountsWhatItHasNoPlaceForAndCutsWhatIsTooLong) {
    Mailbox mailbox;
    Mailbox::Event event;
    unsigned kept = 0;
    for (int i = 0; i < 100; ++i) {
        mailbox.put(0, "note", std::string(5000, 'x'));
    }
    while (mailbox.take(event)) {
        EXPECT_EQ(text_of(event), std::string(event.text.size(), 'x'));
        ++kept;
    }
    EXPECT_GE(kept, 30U);
    EXPECT_EQ(kept + mailbox.lost(), 100U);
    EXPECT_EQ(mailbox.lost(), 0U) << "said once";
}

TEST(Mailbox, ServesManyThreads) {
    constexpr unsigned kThreads = 4;
    constexpr unsigned kEach = 5000;
    Mailbox mailbox;
    std::atomic<unsigned> running{kThreads};
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (unsigned i = 1; i <= kEach; ++i) {
                mailbox.put(thread, "note", std::to_string(i) + " " + std::to_string(i));
            }
            --running;
        });
    }
    std::vector<unsigned> last(kThreads);
    unsigned taken = 0;
    Mailbox::Event event;
    for (bool over = false; !over;) {
        over = running == 0;
        while (mailbox.take(event)) {
            const std::string text(text_of(event));
            const std::string half = text.substr(0, text.find(' '));
            ASSERT_EQ(text, half + " " + half) << "torn";
            const auto number = static_cast<unsigned>(std::stoul(half));
            unsigned& before = last.at(static_cast<std::size_t>(event.ms));
            ASSERT_GT(number, before);
            before = number;
            ++taken;
        }
    }
    EXPECT_EQ(taken + mailbox.lost(), kThreads * kEach);
}

}  // namespace
}  // namespace mp::session::test
