// Torn, damaged and foreign session files: never a crash, never a wrong value, as much as possible read.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.h"
#include "session/checksum.h"
#include "session/reader.h"

namespace mp::session::test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

/// Every sample that was read is one of those written, and they ascend.
void expect_only_true_samples(const Session& session) {
    std::uint64_t next = 0;
    for (const Sample& sample : session.samples) {
        const std::uint64_t index = sample.figures.time_ms / 1000;
        ASSERT_GE(index, next);
        next = index + 1;
        ASSERT_LT(index, kSampleCount);
        ASSERT_EQ(sample.figures.live_bytes, figures(index).live_bytes);
        ASSERT_EQ(sample.figures.saved_kernel_calls, figures(index).saved_kernel_calls);
        ASSERT_TRUE(std::ranges::equal(sample.counters, counters(index)));
        ASSERT_TRUE(std::ranges::equal(sample.histogram, histogram(index)));
    }
}

TEST(Damage, AFileCutAtAnyByteGivesEveryWholeRecordBeforeTheCut) {
    const Bytes whole = recorded();
    const std::size_t sample_size = kFrameSize + sample_payload_size(3, 2);
    std::size_t samples_before = 0;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const auto session = read(std::span(whole).first(size));
        if (!session) {
            EXPECT_EQ(samples_before, 0U) << "cut at " << size;
            continue;
        }
        expect_only_true_samples(*session);
        EXPECT_GE(session->samples.size(), samples_before) << "cut at " << size;
        EXPECT_EQ(session->damage.stretches, 0U) << "cut at " << size;
        EXPECT_EQ(session->damage.lost_records, 0U) << "cut at " << size;
        EXPECT_LT(session->damage.tail_bytes, sample_size) << "cut at " << size;
        EXPECT_EQ(session->ended_at_ms.has_value(), size == whole.size()) << "cut at " << size;
        samples_before = session->samples.size();
    }
    EXPECT_EQ(samples_before, kSampleCount);
}

TEST(Damage, OneWrongBitCostsAtMostTheRecordItLiesIn) {
    const Bytes whole = recorded();
    for (std::size_t bit = kHeaderSize * 8; bit < whole.size() * 8; ++bit) {
        Bytes damaged = whole;
        damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        const auto session = read(damaged);
        ASSERT_TRUE(session) << "bit " << bit;
        expect_only_true_samples(*session);
        EXPECT_GE(session->samples.size(), kSampleCount - 1) << "bit " << bit;
        EXPECT_TRUE(session->damage.any()) << "bit " << bit;
    }
}

TEST(Damage, AWrongBitInTheHeaderIsNoticedAndTheRecordsStillRead) {
    const Bytes whole = recorded();
    for (std::size_t bit = kMagic.size() * 8; bit < kHeaderSize * 8; ++bit) {
        Bytes damaged = whole;
        damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        const auto session = read(damaged);
        ASSERT_TRUE(session) << "bit " << bit;
        EXPECT_TRUE(session->damage.header) << "bit " << bit;
        EXPECT_THAT(session->samples, SizeIs(kSampleCount)) << "bit " << bit;
    }
}

TEST(Damage, AMissingStretchInTheMiddleIsCounted) {
    Bytes damaged = recorded();
    const std::size_t size = kFrameSize + sample_payload_size(3, 2);
    const std::size_t middle = damaged.size() / 2;
    damaged.erase(damaged.begin() + static_cast<std::ptrdiff_t>(middle),
                  damaged.begin() + static_cast<std::ptrdiff_t>(middle + size));
    const auto session = read(damaged);
    ASSERT_TRUE(session);
    EXPECT_GE(session->damage.lost_records, 1U);
    expect_only_true_samples(*session);
}

TEST(Damage, GarbageBetweenRecordsIsSkipped) {
    Bytes damaged = recorded();
    const Bytes garbage(100, 0x4D);  // the mark's first byte, again and again
    damaged.insert(damaged.begin() + kHeaderSize, garbage.begin(), garbage.end());
    const auto session = read(damaged);
    ASSERT_TRUE(session);
    EXPECT_EQ(session->damage.stretches, 1U);
    EXPECT_EQ(session->damage.skipped_bytes, garbage.size());
    EXPECT_EQ(session->damage.lost_records, 0U);
    EXPECT_THAT(session->samples, SizeIs(kSampleCount));
}

/// Puts a 16-bit number into the header and renews its check sum.
Bytes with_version(std::size_t offset, std::uint8_t version) {
    Bytes file = recorded();
    file[offset] = version;
    const std::uint32_t sum = crc32(file.data(), kHeaderSize - 4);
    for (std::size_t i = 0; i < 4; ++i) {
        file[kHeaderSize - 4 + i] = static_cast<std::uint8_t>(sum >> 8 * i);
    }
    return file;
}

TEST(Damage, AnotherMajorVersionIsRefusedByName) {
    const auto session = read(with_version(kMagic.size(), kMajorVersion + 1));
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().failure, ReadFailure::other_version);
    EXPECT_THAT(describe(session.error()), HasSubstr("session format 2"));
}

TEST(Damage, ANewerMinorVersionIsRead) {
    const auto session = read(with_version(kMagic.size() + 2, kMinorVersion + 1));
    ASSERT_TRUE(session);
    EXPECT_EQ(session->minor_version, kMinorVersion + 1);
    EXPECT_THAT(session->samples, SizeIs(kSampleCount));
}

/// A record of a kind that only a later version knows, with a right check sum.
Bytes unknown_record(std::uint32_t sequence) {
    MemoryFile file;
    Writer writer;
    writer.open(file.sink(), kHeader);
    for (std::uint32_t i = 0; i <= sequence; ++i) {
        file.bytes.clear();
        writer.text("k", "v");
    }
    Bytes& record = file.bytes;
    record[4] = 99;
    const std::uint32_t sum = crc32(record.data() + kFrameSize, record.size() - kFrameSize, crc32(record.data(), 12));
    for (std::size_t i = 0; i < 4; ++i) {
        record[12 + i] = static_cast<std::uint8_t>(sum >> 8 * i);
    }
    return record;
}

TEST(Damage, ARecordOfAnUnknownKindIsPassedOver) {
    Bytes file = recorded();
    const Bytes extra = unknown_record(17);
    file.insert(file.end(), extra.begin(), extra.end());
    const auto session = read(file);
    ASSERT_TRUE(session);
    EXPECT_EQ(session->damage.unknown_records, 1U);
    EXPECT_EQ(session->damage.tail_bytes, 0U);
    EXPECT_THAT(session->samples, SizeIs(kSampleCount));
}

TEST(Damage, ForeignFilesAreRefused) {
    const std::string text(1000, 'M');
    for (const Bytes& file : {Bytes{}, Bytes{'M', 'Z'}, Bytes(text.begin(), text.end()), Bytes(100'000, 0)}) {
        const auto session = read(file);
        ASSERT_FALSE(session);
        EXPECT_EQ(session.error().failure, ReadFailure::not_a_session);
    }
}

TEST(Damage, AHeaderAloneIsNoSession) {
    const Bytes whole = recorded();
    const auto session = read(std::span(whole).first(kHeaderSize));
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().failure, ReadFailure::no_record);
}

}  // namespace
}  // namespace mp::session::test
