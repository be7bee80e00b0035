#include "session.h"

#include "app/traffic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace mp::bench {
namespace {

using app::Random;
using app::SizeMix;
using app::SizeRange;

// --- what is drawn from ----------------------------------------------------------------------------------------------

// Small blocks: 42 % up to 32 bytes. Larger ones: 3 % of all, mostly 1 to 8 KB.
// clang-format off
constexpr SizeRange kSmall[] = {{4, 32, 420}, {33, 128, 300}, {129, 384, 180}, {385, 1020, 100}};
constexpr SizeRange kMix[] = {{4, 32, 4074}, {33, 128, 2910}, {129, 384, 1746}, {385, 1020, 970},
                              {1025, 8192, 240}, {8193, 32768, 45}, {32769, 262144, 15}};
constexpr SizeRange kIndoors[] = {{4, 32, 5600}, {33, 128, 2600}, {129, 384, 1000}, {385, 1020, 600},
                                  {1025, 8192, 160}, {8193, 32768, 30}, {32769, 262144, 10}};
constexpr SizeRange kOutdoors[] = {{4, 32, 3700}, {33, 128, 2900}, {129, 384, 1900}, {385, 1020, 1100},
                                   {1025, 8192, 300}, {8193, 32768, 80}, {32769, 262144, 20}};
constexpr SizeRange kTextures[] = {{4, 32, 4000}, {33, 128, 2900}, {129, 384, 1800}, {385, 1020, 1000},
                                   {1025, 8192, 220}, {8193, 32768, 50}, {32769, 262144, 30}};
constexpr SizeRange kCombat[] = {{4, 32, 4600}, {33, 128, 3500}, {129, 384, 1400}, {385, 1020, 400},
                                 {1025, 8192, 80}, {8193, 32768, 15}, {32769, 262144, 5}};
constexpr SizeRange kStrings[] = {{4, 32, 2600}, {33, 128, 4500}, {129, 384, 2200}, {385, 1020, 500},
                                  {1025, 8192, 160}, {8193, 32768, 35}, {32769, 262144, 5}};
constexpr SizeRange kMeshes[] = {{4, 32, 3600}, {33, 128, 2600}, {129, 384, 1800}, {385, 1020, 1500},
                                 {1025, 8192, 380}, {8193, 32768, 100}, {32769, 262144, 20}};
constexpr SizeRange kMenus[] = {{4, 32, 4000}, {33, 128, 3600}, {129, 384, 1600}, {385, 1020, 700},
                                {1025, 8192, 80}, {8193, 32768, 15}, {32769, 262144, 5}};

struct Phase {
    SizeMix sizes;
    std::uint32_t huge;  ///< blocks of 0.25 to 16 MB in a million of cell data
};
constexpr Phase kSmallPhases[] = {{kSmall, 0}};
constexpr Phase kMixPhases[] = {{kMix, 220}};
constexpr Phase kLongPhases[] = {{kMix, 220}, {kIndoors, 80}, {kOutdoors, 260}, {kTextures, 320}, {kCombat, 60},
                                 {kStrings, 100}, {kMenus, 60}, {kMeshes, 280}, {kIndoors, 40}, {kOutdoors, 300}};

struct Kind {
    std::string_view name;
    std::span<const Phase> phases;
    std::uint32_t frames;
    std::uint32_t permanent;    ///< blocks made before the first frame
    std::uint32_t allocations;  ///< in a frame, by all threads
    std::uint32_t ring;         ///< length of all rings together
    bool is_even;               ///< all threads do the same
};
constexpr Kind kKinds[] = {
    {"small", kSmallPhases,  60, 400000,  24000,  4096, false},
    {"mix",   kMixPhases,    60, 400000,  24000,  4096, false},
    {"long",  kLongPhases,  400, 400000,  24000,  4096, false},
    {"heaps", kSmallPhases,  10, 400000, 240000, 65536, true},
};
// clang-format on

constexpr std::uint32_t kCellFrames = 25;
constexpr std::uint32_t kReplacedPerMille = 5;
constexpr std::uint32_t kMainShare = 55;  // of a hundred
constexpr std::uint32_t kSmallestHuge = 256 * 1024;
constexpr std::uint32_t kHugeDoublings = 6;

/// Shares of new blocks, of 1024.
constexpr std::uint32_t kScratch = 614;
constexpr std::uint32_t kShort = 307;

/// How much of what leaves a ring or a cell goes to another thread, per mille.
struct Crossing {
    std::uint32_t ring;
    std::uint32_t cell;
};
constexpr Crossing kMainCrossing{120, 200};
constexpr Crossing kWorkerCrossing{350, 600};

// --- one thread ------------------------------------------------------------------------------------------------------

struct Parcel {
    Item item;
    std::uint32_t to;
};

/// Who frees a block: a thread's number, or the thread that frees it is the one that holds it.
using Heir = std::uint8_t;
constexpr Heir kHolder = 0xFF;

enum class Fate : std::uint8_t { scratch, ring, cell };

/// One allocation of a frame, drawn before the clock runs.
struct Step {
    std::uint32_t size;
    std::uint16_t pops;  ///< scratch blocks to be freed after it
    Fate fate;
    Heir heir;  ///< of the block that this one pushes out of the ring
};

struct Replacement {
    std::uint32_t place;
    std::uint32_t size;
};

struct Share {
    std::uint32_t permanent;
    std::uint32_t allocations;
    std::uint32_t ring;
};

class Player {
public:
    Player(std::uint32_t number, const SessionOptions& options, const Share& share, const Crossing& crossing)
        : number_(number),
          threads_(options.threads),
          largest_(options.largest),
          crossing_(crossing),
          share_(share),
          random_(options.seed * 977 + number),
          permanent_(share.permanent),
          ring_(share.ring),
          scratch_(share.allocations),
          steps_(share.allocations),
          replacements_(replaced_in_a_frame()),
          heirs_(cell_capacity()),
          inbox_(inbox_capacity(options, share)),
          outbox_(2 * share.allocations + 16) {
        for (auto& cell : cells_) {
            cell = Array<Item>(cell_capacity());
        }
    }

    /// Draws what the load will do.
    void plan_load(SizeMix sizes) {
        while (!permanent_.is_full()) {
            permanent_.push({nullptr, pick(sizes)});
        }
    }

    void load() {
        for (Item& item : permanent_) {
            item = blocks_.make(item.size);
        }
    }

    /// Draws what the frame will do: the timed part shall hold little else than the side's calls.
    void plan_frame(std::uint32_t frame, SizeMix sizes, std::uint32_t huge) {
        plan_release(oldest_cell(frame));
        plan_replacements(sizes);
        plan_steps(sizes, huge);
    }

    void work(std::uint32_t frame) {
        free_inbox();
        release(oldest_cell(frame));
        for (const Replacement& replacement : replacements_) {
            Item& item = permanent_[replacement.place];
            blocks_.drop(item);
            item = blocks_.make(replacement.size);
        }
        for (const Step& step : steps_) {
            take(step, cells_[frame % cells_.size()]);
        }
        while (!scratch_.is_empty()) {
            blocks_.drop(scratch_.pop());
        }
    }

    void halve() {
        free_inbox();
        drop_first_half(permanent_);
        for (std::size_t i = 0; i < cells_.size() / 2; ++i) {
            drop_all(cells_[i]);
        }
    }

    /// Scratch only: nothing that stays.
    void idle(SizeMix sizes) {
        for (std::uint32_t i = 0; i < share_.allocations / 10; ++i) {
            blocks_.drop(blocks_.make(pick(sizes)));
        }
    }

    void clear() {
        free_inbox();
        drop_all(permanent_);
        drop_all(ring_);
        for (auto& cell : cells_) {
            drop_all(cell);
        }
    }

    void each_live(const Play::Visitor& visit) const {
        std::ranges::for_each(permanent_, visit);
        std::ranges::for_each(ring_, visit);
        std::ranges::for_each(inbox_, visit);
        for (const auto& cell : cells_) {
            std::ranges::for_each(cell, visit);
        }
    }

    Array<Parcel>& outbox() { return outbox_; }
    void receive(const Item& item) {
        if (!inbox_.push(item)) {
            blocks_.drop(item);
        }
    }
    [[nodiscard]] const Tally& tally() const { return blocks_.tally(); }

private:
    /// What can arrive in one frame, generously.
    static std::size_t inbox_capacity(const SessionOptions& options, const Share& share) {
        return options.threads == 1 ? 0 : std::size_t{4} * share.allocations + 4096;
    }

    std::uint32_t pick(SizeMix sizes) {
        const std::uint32_t size = app::pick_size(random_, sizes);
        return largest_ != 0 ? std::min(size, largest_) : size;
    }

    /// 0.25 to 16 MB, every doubling as likely as any other.
    std::uint32_t pick_huge() {
        const double doublings = kHugeDoublings * (random_.next32() / 4294967296.0);
        const auto size = static_cast<std::uint32_t>(kSmallestHuge * std::exp2(doublings));
        return largest_ != 0 ? std::min(size, largest_) : size;
    }

    Array<Item>& oldest_cell(std::uint32_t frame) { return cells_[(frame + 1) % cells_.size()]; }

    [[nodiscard]] std::size_t cell_capacity() const { return share_.allocations / 4 + 64; }
    [[nodiscard]] std::size_t replaced_in_a_frame() const {
        return std::size_t{share_.permanent} * kReplacedPerMille / 1000;
    }

    Heir pick_heir(std::uint32_t crossing) {
        if (threads_ == 1 || !random_.chance(crossing)) {
            return kHolder;
        }
        return static_cast<Heir>(number_ != 0 ? 0 : 1 + random_.below(threads_ - 1));
    }

    void plan_release(Array<Item>& cell) {
        shuffle(cell, random_);
        heirs_.clear();
        for (std::size_t i = 0; i < cell.size(); ++i) {
            heirs_.push(pick_heir(crossing_.cell));
        }
    }

    void plan_replacements(SizeMix sizes) {
        replacements_.clear();
        while (!replacements_.is_full()) {
            const std::uint32_t place = random_.below(share_.permanent);
            replacements_.push({place, pick(sizes)});
        }
    }

    void plan_steps(SizeMix sizes, std::uint32_t huge) {
        steps_.clear();
        std::uint32_t depth = 0;
        while (!steps_.is_full()) {
            const std::uint32_t kind = random_.next32() % 1024;
            if (kind < kScratch) {
                steps_.push(scratch_step(sizes, depth));
            } else if (kind < kScratch + kShort) {
                steps_.push({pick(sizes), 0, Fate::ring, pick_heir(crossing_.ring)});
            } else {
                const bool is_huge = huge != 0 && random_.below(1'000'000) < huge;
                steps_.push({is_huge ? pick_huge() : pick(sizes), 0, Fate::cell, kHolder});
            }
        }
    }

    /// The stack's depth wanders; nine in twenty frees leave some for the end of the frame.
    Step scratch_step(SizeMix sizes, std::uint32_t& depth) {
        Step step{pick(sizes), 0, Fate::scratch, kHolder};
        for (++depth; depth != 0 && random_.below(20) < 9; --depth) {
            ++step.pops;
        }
        return step;
    }

    void take(const Step& step, Array<Item>& cell) {
        const Item item = blocks_.make(step.size);
        if (step.fate == Fate::ring) {
            push_into_ring(item, step.heir);
        } else if (step.fate == Fate::cell) {
            if (!cell.push(item)) {
                blocks_.drop(item);
            }
        } else {
            scratch_.push(item);
            for (std::uint32_t i = 0; i < step.pops; ++i) {
                blocks_.drop(scratch_.pop());
            }
        }
    }

    void push_into_ring(const Item& item, Heir heir) {
        if (!ring_.is_full()) {
            ring_.push(item);
            return;
        }
        Item& oldest = ring_[ring_next_];
        ring_next_ = ring_next_ + 1 == ring_.size() ? 0 : ring_next_ + 1;
        give_up(oldest, heir);
        oldest = item;
    }

    /// Frees the block, or leaves it to another thread.
    void give_up(const Item& item, Heir heir) {
        if (heir == kHolder || item.data == nullptr || !outbox_.push({item, heir})) {
            blocks_.drop(item);
        }
    }

    void release(Array<Item>& cell) {
        for (std::size_t i = 0; i < cell.size(); ++i) {
            give_up(cell[i], heirs_[i]);
        }
        cell.clear();
    }

    void free_inbox() { drop_all(inbox_); }

    void drop_all(Array<Item>& items) {
        for (const Item& item : items) {
            blocks_.drop(item);
        }
        items.clear();
    }

    void drop_first_half(Array<Item>& items) {
        for (std::size_t i = 0; i < items.size() / 2; ++i) {
            blocks_.drop(items[i]);
            items[i] = {nullptr, 0};
        }
    }

    std::uint32_t number_;
    std::uint32_t threads_;
    std::uint32_t largest_;
    Crossing crossing_;
    Share share_;
    Random random_;
    Blocks blocks_;
    Array<Item> permanent_;
    Array<Item> ring_;
    std::size_t ring_next_ = 0;
    Array<Item> scratch_;
    Array<Step> steps_;
    Array<Replacement> replacements_;
    Array<Heir> heirs_;  ///< of the blocks in the oldest cell
    std::array<Array<Item>, kCellFrames + 1> cells_;
    Array<Item> inbox_;
    Array<Parcel> outbox_;
};

// --- all threads -----------------------------------------------------------------------------------------------------

class Session : public Play {
public:
    Session(const Kind& kind, const SessionOptions& options)
        : kind_(kind), frames_(options.frames != 0 ? options.frames : kind.frames) {
        for (std::uint32_t i = 0; i < options.threads; ++i) {
            const bool is_main = i == 0 && !kind.is_even;
            players_.push_back(
                std::make_unique<Player>(i, options, share_of(i, options), is_main ? kMainCrossing : kWorkerCrossing));
        }
    }

    /// Frame 0 is the load.
    [[nodiscard]] std::uint32_t frames() const override { return frames_ + 1; }

    void prepare(std::uint32_t thread, std::uint32_t frame) override {
        if (frame == 0) {
            players_[thread]->plan_load(kind_.phases.front().sizes);
            return;
        }
        const Phase& phase = kind_.phases[std::size_t{frame - 1} * kind_.phases.size() / frames_];
        players_[thread]->plan_frame(frame, phase.sizes, phase.huge);
    }
    void work(std::uint32_t thread, std::uint32_t frame) override {
        if (frame == 0) {
            players_[thread]->load();
        } else {
            players_[thread]->work(frame);
        }
    }
    void between() override {
        for (auto& player : players_) {
            for (const Parcel& parcel : player->outbox()) {
                players_[parcel.to]->receive(parcel.item);
            }
            player->outbox().clear();
        }
    }
    void halve(std::uint32_t thread) override { players_[thread]->halve(); }
    void idle(std::uint32_t thread) override { players_[thread]->idle(kind_.phases.front().sizes); }
    void clear(std::uint32_t thread) override { players_[thread]->clear(); }

    void each_live(const Visitor& visit) const override {
        for (const auto& player : players_) {
            player->each_live(visit);
        }
    }

    [[nodiscard]] Tally tally() const override {
        Tally sum;
        for (const auto& player : players_) {
            sum.add(player->tally());
        }
        return sum;
    }

private:
    [[nodiscard]] Share share_of(std::uint32_t thread, const SessionOptions& options) const {
        const std::uint32_t main = kind_.is_even ? 100 / options.threads : kMainShare;
        const std::uint32_t rest = options.threads > 1 ? options.threads - 1 : 1;
        const auto part = [&](std::uint32_t whole) {
            const std::uint64_t scaled = std::uint64_t{whole} * options.scale_percent / 100;
            if (options.threads == 1) {
                return static_cast<std::uint32_t>(scaled);
            }
            if (kind_.is_even) {
                return static_cast<std::uint32_t>(scaled / options.threads);
            }
            return static_cast<std::uint32_t>(thread == 0 ? scaled * main / 100 : scaled * (100 - main) / 100 / rest);
        };
        return {part(kind_.permanent), part(kind_.allocations), std::max(16U, part(kind_.ring))};
    }

    const Kind& kind_;
    std::uint32_t frames_;
    std::vector<std::unique_ptr<Player>> players_;
};

}  // namespace

std::unique_ptr<Play> make_session(std::string_view name, const SessionOptions& options) {
    for (const Kind& kind : kKinds) {
        if (kind.name == name) {
            return std::make_unique<Session>(kind, options);
        }
    }
    return nullptr;
}

}  // namespace mp::bench
