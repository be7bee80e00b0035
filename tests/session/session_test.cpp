// What is written is what is read.
#include <bit>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.h"
#include "session/checksum.h"
#include "session/reader.h"

namespace mp::session::test {
namespace {

using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::SizeIs;

std::array<std::uint64_t, kFigureCount> raw(const Figures& value) {
    return std::bit_cast<std::array<std::uint64_t, kFigureCount>>(value);
}

TEST(Checksum, IsTheOneOfZipAndPng) {
    const std::string text = "123456789";
    const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
    EXPECT_EQ(crc32(data, text.size()), 0xCBF43926U);
    EXPECT_EQ(crc32(data + 4, 5, crc32(data, 4)), 0xCBF43926U) << "continued";
}

TEST(Session, ReadsWhatWasWritten) {
    const auto session = read(recorded());
    ASSERT_TRUE(session);
    EXPECT_FALSE(session->damage.any());
    EXPECT_EQ(session->start_unix_ms, kHeader.start_unix_ms);
    EXPECT_EQ(session->interval_ms, kHeader.interval_ms);
    EXPECT_EQ(session->process_id, kHeader.process_id);
    EXPECT_EQ(session->text("plugin version"), "1.2.3");
    EXPECT_EQ(session->text("no such key", "otherwise"), "otherwise");
    EXPECT_EQ(session->ended_at_ms, 5000U);
    EXPECT_THAT(session->bucket_bounds, testing::ElementsAre(64U, UINT64_MAX));
    EXPECT_THAT(session->counters, SizeIs(3));
    ASSERT_THAT(session->samples, SizeIs(kSampleCount));
    for (std::size_t i = 0; i < kSampleCount; ++i) {
        EXPECT_EQ(raw(session->samples[i].figures), raw(figures(i)));
        EXPECT_THAT(session->samples[i].counters, ElementsAreArray(counters(i)));
        EXPECT_THAT(session->samples[i].histogram, ElementsAreArray(histogram(i)));
    }
}

TEST(Session, KeepsEveryFieldOfTheDescriptions) {
    const auto session = read(recorded());
    ASSERT_TRUE(session);
    ASSERT_THAT(session->groups, SizeIs(2));
    EXPECT_EQ(session->groups[1].name, "pool memory");
    EXPECT_EQ(session->groups[1].state, State::declined);
    EXPECT_EQ(session->groups[1].sites, 4);
    EXPECT_EQ(session->groups[1].mismatches, 1);
    EXPECT_EQ(session->groups[1].reason, "E9 at +0");
    ASSERT_THAT(session->sites, SizeIs(1));
    EXPECT_EQ(session->sites[0].address, 0x00AA8F50U);
    EXPECT_EQ(session->sites[0].pattern, 9);
    EXPECT_TRUE(session->sites[0].in_mission);
    EXPECT_FALSE(session->sites[0].is_slot);
    EXPECT_EQ(session->sites[0].group, "heap blocks");
    EXPECT_EQ(session->sites[0].name, "MemoryHeap::Allocate");
    ASSERT_THAT(session->modules, SizeIs(1));
    EXPECT_EQ(session->modules[0].base, 0x10000000U);
    EXPECT_EQ(session->modules[0].size, 0x50000U);
    EXPECT_EQ(session->modules[0].version, 0x0001000200030004U);
    EXPECT_EQ(session->modules[0].kind, ModuleKind::plugin);
    EXPECT_EQ(session->modules[0].name, "other.dll");
    ASSERT_THAT(session->events, SizeIs(1));
    EXPECT_EQ(session->events[0].time_ms, 4500U);
    EXPECT_EQ(session->events[0].severity, Severity::warning);
    EXPECT_EQ(session->events[0].text, "memory was scarce");
}

TEST(Session, ARecordIsOneWriteSoThatACrashTearsAtMostOne) {
    MemoryFile file;
    Writer writer;
    ASSERT_TRUE(writer.open(file.sink(), kHeader));
    EXPECT_EQ(file.writes, 1U);
    EXPECT_TRUE(writer.sample(figures(1), counters(1), histogram(1)));
    EXPECT_EQ(file.writes, 2U);
}

TEST(Session, SamplesOfOneShapeHaveOneSize) {
    MemoryFile file;
    Writer writer;
    ASSERT_TRUE(writer.open(file.sink(), kHeader));
    std::size_t before = file.bytes.size();
    for (std::uint64_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(writer.sample(figures(i << 40), counters(i << 50), histogram(i)));
        EXPECT_EQ(file.bytes.size() - before, kFrameSize + sample_payload_size(3, 2));
        before = file.bytes.size();
    }
}

TEST(Session, AfterARefusedWriteNothingMoreIsWritten) {
    MemoryFile file;
    Writer writer;
    ASSERT_TRUE(writer.open(file.sink(), kHeader));
    file.capacity = file.bytes.size();
    EXPECT_FALSE(writer.text("key", "value"));
    file.capacity = SIZE_MAX;
    EXPECT_FALSE(writer.is_open());
    EXPECT_FALSE(writer.text("key", "value"));
    EXPECT_THAT(file.bytes, SizeIs(kHeaderSize));
}

TEST(Session, AWriterThatWasNeverOpenedRefuses) {
    Writer writer;
    EXPECT_FALSE(writer.text("key", "value"));
    EXPECT_FALSE(writer.end(0));
}

TEST(Session, TooManyCountersAreRefusedAndTheFileStaysGood) {
    MemoryFile file;
    Writer writer;
    ASSERT_TRUE(writer.open(file.sink(), kHeader));
    const std::vector<std::uint64_t> many(kMaxCounters + 1);
    EXPECT_FALSE(writer.sample(figures(1), many, {}));
    EXPECT_FALSE(writer.sample(figures(1), {}, many));
    EXPECT_FALSE(writer.buckets(many));
    EXPECT_TRUE(writer.sample(figures(1), std::span(many).first(kMaxCounters), std::span(many).first(kMaxBuckets)));
    const auto session = read(file.bytes);
    ASSERT_TRUE(session);
    EXPECT_FALSE(session->damage.any());
    EXPECT_THAT(session->samples, SizeIs(1));
}

TEST(Session, LongTextsAreCut) {
    MemoryFile file;
    Writer writer;
    ASSERT_TRUE(writer.open(file.sink(), kHeader));
    const std::string longest(100'000, 'x');
    EXPECT_TRUE(writer.text(longest, longest));
    EXPECT_TRUE(writer.event(0, Severity::note, longest));
    const auto session = read(file.bytes);
    ASSERT_TRUE(session);
    EXPECT_FALSE(session->damage.any());
    ASSERT_THAT(session->texts, SizeIs(1));
    EXPECT_THAT(session->texts.begin()->second, testing::Not(IsEmpty()));
    EXPECT_TRUE(longest.starts_with(session->texts.begin()->second));
}

TEST(Session, ASessionWithoutAnEndSaysSo) {
    MemoryFile file;
    Writer writer;
    ASSERT_TRUE(writer.open(file.sink(), kHeader));
    ASSERT_TRUE(writer.sample(figures(1), counters(1), histogram(1)));
    const auto session = read(file.bytes);
    ASSERT_TRUE(session);
    EXPECT_FALSE(session->ended_at_ms);
    EXPECT_FALSE(session->damage.any());
}

}  // namespace
}  // namespace mp::session::test
