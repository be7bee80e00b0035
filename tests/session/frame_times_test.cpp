// Frame times end up in the column that names them, and only frames do.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "session/frame_times.h"

namespace mp::session::test {
namespace {

std::map<std::string, std::uint64_t> columns(const FrameTimes& frames) {
    std::map<std::string, std::uint64_t> values;
    frames.each([&](const char* column, auto value) { values[column] = value; });
    return values;
}

/// What is counted somewhere.
std::map<std::string, std::uint64_t> counted(const FrameTimes& frames) {
    auto values = columns(frames);
    std::erase_if(values, [](const auto& one) { return one.second == 0; });
    return values;
}

TEST(FrameTimes, AFrameLiesBetweenTwoPasses) {
    FrameTimes frames;
    frames.pass(5'000'000, false);
    EXPECT_TRUE(counted(frames).empty());
    frames.pass(5'016'667, false);
    const std::map<std::string, std::uint64_t> expected{
        {"frames", 1}, {"frame ms", 16}, {"longest frame us", 16'667}, {"frames to 18 ms", 1}};
    EXPECT_EQ(counted(frames), expected);
}

TEST(FrameTimes, ABoundBelongsToItsOwnColumn) {
    for (std::size_t i = 0; i + 1 < kFrameBounds.size(); ++i) {
        FrameTimes frames;
        frames.pass(1, false);
        frames.pass(1 + kFrameBounds[i].us, false);
        frames.pass(1 + 2 * kFrameBounds[i].us + 1, false);
        const auto values = columns(frames);
        EXPECT_EQ(values.at(kFrameBounds[i].column), 1U);
        EXPECT_EQ(values.at(kFrameBounds[i + 1].column), 1U);
        EXPECT_EQ(values.at("frames"), 2U);
    }
}

TEST(FrameTimes, EachColumnSaysItsBound) {
    for (const FrameBound& bound : kFrameBounds) {
        std::string name = bound.column;
        if (bound.us != UINT32_MAX) {
            ASSERT_TRUE(name.starts_with("frames to ") && name.ends_with(" ms")) << name;
            EXPECT_EQ(std::stod(name.substr(10)) * 1000, bound.us) << name;
        }
    }
    EXPECT_EQ(std::string(kFrameBounds.back().column), "frames above 1000 ms");
    EXPECT_TRUE(std::ranges::is_sorted(kFrameBounds, {}, &FrameBound::us));
}

TEST(FrameTimes, TheTimeIsExactHoweverManyFramesThereAre) {
    FrameTimes frames;
    std::uint64_t now = 7;
    frames.pass(now, false);
    for (int i = 0; i < 100'000; ++i) {
        frames.pass(now += 16'667, false);
    }
    EXPECT_EQ(columns(frames).at("frame ms"), 1'666'700U);
    EXPECT_EQ(columns(frames).at("frames"), 100'000U);
}

TEST(FrameTimes, LoadingScreensAreApart) {
    FrameTimes frames;
    frames.pass(1'000, false);
    frames.pass(25'001'000, true);
    const std::map<std::string, std::uint64_t> expected{{"loading ms", 25'000}};
    EXPECT_EQ(counted(frames), expected);
}

TEST(FrameTimes, AGameInTheBackgroundHasNoFrames) {
    FrameTimes frames;
    frames.pass(1'000, false);
    EXPECT_EQ(frames.pass(1'000 + FrameTimes::kLongestFrameUs, false), 0U);
    EXPECT_EQ(columns(frames).at("frames above 1000 ms"), 1U);
    EXPECT_EQ(frames.pass(8'000'000'000'000, false), 8'000'000'000'000 - 1'000 - FrameTimes::kLongestFrameUs);
    EXPECT_EQ(columns(frames).at("frames"), 1U);
}

}  // namespace
}  // namespace mp::session::test
