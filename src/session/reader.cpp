#include "session/reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "session/checksum.h"
#include "session/decoder.h"

namespace mp::session {

namespace {

constexpr std::size_t kSumOffset = kFrameSize - sizeof(std::uint32_t);
constexpr std::size_t kRecordsPerProgress = 512;

/// A record whose check sum is right.
struct RawRecord {
    RecordKind kind{};
    std::uint32_t sequence = 0;
    std::span<const std::uint8_t> payload;
};

/// The record that starts at the first byte of `data`, when a whole and undamaged one does.
std::optional<RawRecord> record_at(std::span<const std::uint8_t> data) noexcept {
    if (data.size() < kFrameSize) {
        return std::nullopt;
    }
    Decoder frame(data.first(kFrameSize));
    if (frame.number<std::uint32_t>() != kRecordMark) {
        return std::nullopt;
    }
    RawRecord record;
    record.kind = static_cast<RecordKind>(frame.number<std::uint16_t>());
    const std::size_t size = frame.number<std::uint16_t>();
    record.sequence = frame.number<std::uint32_t>();
    const auto expected_sum = frame.number<std::uint32_t>();
    if (size > kMaxPayload || data.size() - kFrameSize < size) {
        return std::nullopt;
    }
    record.payload = data.subspan(kFrameSize, size);
    const std::uint32_t sum = crc32(record.payload.data(), size, crc32(data.data(), kSumOffset));
    return sum == expected_sum ? std::optional(record) : std::nullopt;
}

/// An enumerator, or `otherwise` for a number of a newer version.
template <typename Enum>
Enum known(std::uint8_t number, std::size_t count, Enum otherwise) noexcept {
    return number < count ? static_cast<Enum>(number) : otherwise;
}

std::vector<std::uint64_t> numbers(Decoder& payload, std::size_t count) {
    std::vector<std::uint64_t> values(count);
    for (std::uint64_t& value : values) {
        value = payload.number<std::uint64_t>();
    }
    return values;
}

bool add_text(Session& session, Decoder& payload) {
    std::string key = payload.text();
    std::string value = payload.text();
    if (payload.complete()) {
        session.texts.insert_or_assign(std::move(key), std::move(value));
    }
    return payload.complete();
}

bool add_group(Session& session, Decoder& payload) {
    Group group;
    group.state = known(payload.number<std::uint8_t>(), kStateCount, State::not_asked);
    group.sites = payload.number<std::uint8_t>();
    group.mismatches = payload.number<std::uint8_t>();
    group.name = payload.text();
    group.reason = payload.text();
    session.groups.push_back(std::move(group));
    return payload.complete();
}

bool add_site(Session& session, Decoder& payload) {
    Site site;
    site.address = payload.number<std::uint32_t>();
    site.pattern = payload.number<std::uint8_t>();
    site.in_mission = payload.number<std::uint8_t>() != 0;
    site.is_slot = payload.number<std::uint8_t>() != 0;
    site.state = known(payload.number<std::uint8_t>(), kStateCount, State::not_asked);
    site.group = payload.text();
    site.name = payload.text();
    session.sites.push_back(std::move(site));
    return payload.complete();
}

bool add_module(Session& session, Decoder& payload) {
    Module module;
    module.base = payload.number<std::uint32_t>();
    module.size = payload.number<std::uint32_t>();
    module.version = payload.number<std::uint64_t>();
    module.kind = known(payload.number<std::uint8_t>(), kModuleKindCount, ModuleKind::other);
    module.name = payload.text();
    session.modules.push_back(std::move(module));
    return payload.complete();
}

bool add_counter(Session& session, Decoder& payload) {
    Counter counter;
    counter.index = payload.number<std::uint16_t>();
    counter.pattern = payload.number<std::uint8_t>();
    counter.role = known(payload.number<std::uint8_t>(), kRoleCount, Role::other);
    counter.site = payload.number<std::uint32_t>();
    counter.group = payload.text();
    counter.name = payload.text();
    session.counters.push_back(std::move(counter));
    return payload.complete();
}

bool add_buckets(Session& session, Decoder& payload) {
    const std::size_t count = payload.number<std::uint16_t>();
    if (count > kMaxBuckets) {
        return false;
    }
    session.bucket_bounds = numbers(payload, count);
    return payload.complete();
}

bool add_sample(Session& session, Decoder& payload) {
    const std::size_t counters = payload.number<std::uint16_t>();
    const std::size_t buckets = payload.number<std::uint16_t>();
    payload.number<std::uint32_t>();
    if (counters > kMaxCounters || buckets > kMaxBuckets) {
        return false;
    }
    std::array<std::uint64_t, kFigureCount> figures{};
    for (std::uint64_t& figure : figures) {
        figure = payload.number<std::uint64_t>();
    }
    Sample sample;
    sample.figures = std::bit_cast<Figures>(figures);
    sample.counters = numbers(payload, counters);
    sample.histogram = numbers(payload, buckets);
    if (payload.complete()) {
        session.samples.push_back(std::move(sample));
    }
    return payload.complete();
}

bool add_event(Session& session, Decoder& payload) {
    Event event;
    event.time_ms = payload.number<std::uint64_t>();
    event.severity = known(payload.number<std::uint8_t>(), kSeverityCount, Severity::warning);
    event.text = payload.text();
    session.events.push_back(std::move(event));
    return payload.complete();
}

bool add_end(Session& session, Decoder& payload) {
    session.ended_at_ms = payload.number<std::uint64_t>();
    return payload.complete();
}

/// A record whose check sum is right but whose content makes no sense counts as unknown.
void add(Session& session, const RawRecord& record) {
    using Reader = bool (*)(Session&, Decoder&);
    constexpr std::pair<RecordKind, Reader> kReaders[] = {
        {RecordKind::text, &add_text},     {RecordKind::group, &add_group},     {RecordKind::site, &add_site},
        {RecordKind::module, &add_module}, {RecordKind::counter, &add_counter}, {RecordKind::buckets, &add_buckets},
        {RecordKind::sample, &add_sample}, {RecordKind::event, &add_event},     {RecordKind::end, &add_end},
    };
    for (const auto& [kind, reader] : kReaders) {
        if (kind == record.kind) {
            Decoder payload(record.payload);
            session.damage.unknown_records += reader(session, payload) ? 0 : 1;
            return;
        }
    }
    ++session.damage.unknown_records;
}

std::expected<void, ReadError> read_header(Session& session, std::span<const std::uint8_t> file) {
    if (file.size() < kHeaderSize || !std::equal(kMagic.begin(), kMagic.end(), file.begin())) {
        return std::unexpected(ReadError{});
    }
    Decoder header(file.subspan(kMagic.size(), kHeaderSize - kMagic.size()));
    const auto major = header.number<std::uint16_t>();
    const auto minor = header.number<std::uint16_t>();
    header.number<std::uint32_t>();
    Decoder sum(file.subspan(kHeaderSize - sizeof(std::uint32_t)));
    if (sum.number<std::uint32_t>() != crc32(file.data(), kHeaderSize - sizeof(std::uint32_t))) {
        session.damage.header = true;  // the records stand for themselves
        return {};
    }
    if (major != kMajorVersion) {
        return std::unexpected(ReadError{ReadFailure::other_version, major});
    }
    session.minor_version = minor;
    session.start_unix_ms = header.number<std::uint64_t>();
    session.interval_ms = header.number<std::uint32_t>();
    session.process_id = header.number<std::uint32_t>();
    return {};
}

/// Walks over the records; what lies between two good ones is damage, what lies behind the last one is the torn tail.
class Walk {
public:
    Walk(Session& session, std::span<const std::uint8_t> data) : session_(session), data_(data) {}

    /// Number of good records.
    std::size_t run(const std::function<void(std::size_t)>& progress) {
        std::size_t position = 0;
        while (position < data_.size()) {
            const std::optional<RawRecord> record = record_at(data_.subspan(position));
            if (!record) {
                ++position;
                continue;
            }
            take(*record, position);
            position += kFrameSize + record->payload.size();
            good_end_ = position;
            if (progress && ++records_ % kRecordsPerProgress == 0) {
                progress(position);
            }
        }
        session_.damage.tail_bytes = data_.size() - good_end_;
        return next_sequence_;
    }

private:
    void take(const RawRecord& record, std::size_t position) {
        if (position != good_end_) {
            ++session_.damage.stretches;
            session_.damage.skipped_bytes += position - good_end_;
        }
        if (record.sequence > next_sequence_) {
            session_.damage.lost_records += record.sequence - next_sequence_;
        }
        next_sequence_ = record.sequence + 1;
        add(session_, record);
    }

    Session& session_;
    std::span<const std::uint8_t> data_;
    std::size_t good_end_ = 0;
    std::size_t records_ = 0;
    std::uint32_t next_sequence_ = 0;
};

}  // namespace

std::string Session::text(const std::string& key, const std::string& otherwise) const {
    const auto found = texts.find(key);
    return found != texts.end() ? found->second : otherwise;
}

std::string describe(const ReadError& error) {
    switch (error.failure) {
    case ReadFailure::other_version:
        return "written by session format " + std::to_string(error.major_version) + ", readable is " +
               std::to_string(kMajorVersion);
    case ReadFailure::no_record:
        return "a session file without a readable record";
    case ReadFailure::not_a_session:
        break;
    }
    return "not a session file of MemoryPoolNVSE";
}

std::expected<Session, ReadError> read(std::span<const std::uint8_t> file,
                                       const std::function<void(std::size_t)>& progress) {
    Session session;
    if (const auto header = read_header(session, file); !header) {
        return std::unexpected(header.error());
    }
    if (Walk(session, file.subspan(kHeaderSize)).run(progress) == 0) {
        return std::unexpected(ReadError{ReadFailure::no_record});
    }
    std::ranges::sort(session.counters, {}, &Counter::index);
    std::ranges::sort(session.samples, {}, [](const Sample& sample) { return sample.figures.time_ms; });
    return session;
}

}  // namespace mp::session
