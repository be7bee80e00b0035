#include "session/writer.h"

#include <bit>

#include "session/checksum.h"
#include "session/encoder.h"

namespace mp::session {

namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kLongestText = 1024;

/// Check sum of a frame and its payload: the four bytes that hold it are left out.
constexpr std::size_t kSumOffset = kFrameSize - sizeof(std::uint32_t);

std::uint32_t record_sum(std::span<const std::uint8_t> record) noexcept {
    const std::uint32_t frame = crc32(record.data(), kSumOffset);
    return crc32(record.data() + kFrameSize, record.size() - kFrameSize, frame);
}

}  // namespace

/// A record being put together in the writer's buffer; the frame is filled in last.
class Writer::Record {
public:
    Record(RecordKind kind, std::span<std::uint8_t> buffer) noexcept
        : kind_(kind), buffer_(buffer), payload(buffer.subspan(kFrameSize)) {}

    /// Whole size, 0 when it did not fit.
    std::size_t finish(std::uint32_t sequence) noexcept {
        if (!payload.complete()) {
            return 0;
        }
        Encoder(buffer_)
            .number(kRecordMark)
            .number(static_cast<std::uint16_t>(kind_))
            .number(static_cast<std::uint16_t>(payload.size()))
            .number(sequence);
        const std::size_t size = kFrameSize + payload.size();
        Encoder(buffer_.subspan(kSumOffset)).number(record_sum(buffer_.first(size)));
        return size;
    }

private:
    RecordKind kind_;
    std::span<std::uint8_t> buffer_;

public:
    Encoder payload;
};

bool Writer::open(const Sink& sink, const Header& header) noexcept {
    sink_ = sink;
    sequence_ = 0;
    Encoder encoder(buffer_);
    for (const std::uint8_t byte : kMagic) {
        encoder.number(byte);
    }
    encoder.number(kMajorVersion).number(kMinorVersion).number(static_cast<std::uint32_t>(kHeaderSize));
    encoder.number(header.start_unix_ms).number(header.interval_ms).number(header.process_id);
    while (encoder.size() < kHeaderSize - sizeof(std::uint32_t)) {
        encoder.number(std::uint8_t{0});
    }
    encoder.number(crc32(buffer_.data(), encoder.size()));
    return put(kHeaderSize);
}

bool Writer::put(std::size_t size) noexcept {
    if (!is_open()) {
        return false;
    }
    if (!sink_.write(sink_.context, buffer_.data(), size)) {
        sink_ = {};
        return false;
    }
    return true;
}

bool Writer::append(Record& record) noexcept {
    const std::size_t size = record.finish(sequence_);
    if (size == 0 || !put(size)) {
        return false;
    }
    ++sequence_;
    return true;
}

bool Writer::text(std::string_view key, std::string_view value) noexcept {
    Record record(RecordKind::text, buffer_);
    record.payload.text(key, kLongestName).text(value, kLongestText);
    return append(record);
}

bool Writer::group(const GroupInfo& group) noexcept {
    Record record(RecordKind::group, buffer_);
    record.payload.number(static_cast<std::uint8_t>(group.state)).number(group.sites).number(group.mismatches);
    record.payload.text(group.name, kLongestName).text(group.reason, kLongestText);
    return append(record);
}

bool Writer::site(const SiteInfo& site) noexcept {
    Record record(RecordKind::site, buffer_);
    record.payload.number(site.address).number(site.pattern).number(static_cast<std::uint8_t>(site.in_mission));
    record.payload.number(static_cast<std::uint8_t>(site.is_slot)).number(static_cast<std::uint8_t>(site.state));
    record.payload.text(site.group, kLongestName).text(site.name, kLongestName);
    return append(record);
}

bool Writer::module(const ModuleInfo& module) noexcept {
    Record record(RecordKind::module, buffer_);
    record.payload.number(module.base).number(module.size).number(module.version);
    record.payload.number(static_cast<std::uint8_t>(module.kind)).text(module.name, kLongestName);
    return append(record);
}

bool Writer::counter(const CounterInfo& counter) noexcept {
    Record record(RecordKind::counter, buffer_);
    record.payload.number(counter.index).number(counter.pattern).number(static_cast<std::uint8_t>(counter.role));
    record.payload.number(counter.site).text(counter.group, kLongestName).text(counter.name, kLongestName);
    return append(record);
}

bool Writer::buckets(std::span<const std::uint64_t> upper_bounds) noexcept {
    if (upper_bounds.size() > kMaxBuckets) {
        return false;
    }
    Record record(RecordKind::buckets, buffer_);
    record.payload.number(static_cast<std::uint16_t>(upper_bounds.size()));
    for (const std::uint64_t bound : upper_bounds) {
        record.payload.number(bound);
    }
    return append(record);
}

bool Writer::sample(const Figures& figures, std::span<const std::uint64_t> counters,
                    std::span<const std::uint64_t> histogram) noexcept {
    if (counters.size() > kMaxCounters || histogram.size() > kMaxBuckets) {
        return false;
    }
    Record record(RecordKind::sample, buffer_);
    record.payload.number(static_cast<std::uint16_t>(counters.size()));
    record.payload.number(static_cast<std::uint16_t>(histogram.size())).number(std::uint32_t{0});
    for (const std::uint64_t figure : std::bit_cast<std::array<std::uint64_t, kFigureCount>>(figures)) {
        record.payload.number(figure);
    }
    for (const std::span<const std::uint64_t> values : {counters, histogram}) {
        for (const std::uint64_t value : values) {
            record.payload.number(value);
        }
    }
    return append(record);
}

bool Writer::event(std::uint64_t time_ms, Severity severity, std::string_view text) noexcept {
    Record record(RecordKind::event, buffer_);
    record.payload.number(time_ms).number(static_cast<std::uint8_t>(severity)).text(text, kLongestText);
    return append(record);
}

bool Writer::end(std::uint64_t time_ms) noexcept {
    Record record(RecordKind::end, buffer_);
    record.payload.number(time_ms);
    const bool written = append(record);
    sink_ = {};
    return written;
}

}  // namespace mp::session
