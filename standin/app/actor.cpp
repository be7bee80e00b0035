#include "app/actor.h"

#include "app/actor_doors.h"
#include "app/content.h"
#include "app/engine_calls.h"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace mp::app {
namespace {

constexpr std::uint32_t kEmbeddedScrapHeap = 0x20000;  ///< 64 KB times a power of two, or it could never end (B.8)
constexpr std::uint32_t kSessionPeriod = 4;            ///< steps between two scrap heaps of a short life

bool is_cleared(Door door) {
    return door == Door::calloc_ || door == Door::calloc_crt;
}

}  // namespace

Actor::Actor(const Traffic& traffic, const ActorOptions& options)
    : traffic_(traffic), options_(options), random_(options.seed), cells_(1) {
    blocks_.reserve(1U << 16);
    ops_.reserve(1U << 15);
    scrap_stack_.reserve(1024);
}

std::uint32_t Actor::scaled(std::uint32_t count) const {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(count) * options_.scale_percent / 100);
}

void Actor::fail(const std::string& text) {
    if (errors_++ == 0) {
        first_error_ = text;
    }
}

void Actor::check(bool good, const char* what, const Block& block) {
    if (!good) {
        fail(fmt::format("{}: block {} of {} bytes, door {}", what, block.data, block.size,
                         static_cast<int>(block.door)));
    }
}

void Actor::open_scrap_heaps() {
    thread_scrap_heap_ = fn::kThreadScrapHeap(manager());
    scrap_heap_ = thread_scrap_heap_;
    if (thread_scrap_heap_ == nullptr) {
        fail("no scrap heap for the thread");
    }
    fn::kScrapInitSized(&embedded_scrap_heap_, kEmbeddedScrapHeap);
}

void Actor::expect(std::uint32_t residents) {
    blocks_.reserve(blocks_.capacity() * 4 + residents);
    cells_.back().reserve(residents);
}

void Actor::populate(std::uint32_t count, SizeMix sizes, std::uint32_t cell_share) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t index = take_slot();
        Block& block = blocks_[index];
        block = {.size = pick_size(random_, sizes), .seed = random_.next32(), .door = pick_door()};
        do_allocate(block);
        finish_new(block);
        if (random_.chance(cell_share)) {
            cells_.back().push_back(index);
        }
    }
    operations_ = 0;  // the scenario's own operations start with its first step
}

// --- planning
// ----------------------------------------------------------------------------------------------------------

std::uint32_t Actor::take_slot() {
    if (free_slots_.empty()) {
        blocks_.emplace_back();
        return static_cast<std::uint32_t>(blocks_.size() - 1);
    }
    const std::uint32_t index = free_slots_.back();
    free_slots_.pop_back();
    return index;
}

Door Actor::pick_door() {
    if (random_.chance(traffic_.crt)) {
        constexpr std::array<Door, 8> kCrt{Door::malloc_, Door::malloc_, Door::malloc_,    Door::malloc_,
                                           Door::malloc_, Door::calloc_, Door::malloc_crt, Door::calloc_crt};
        return kCrt[random_.below(kCrt.size())];
    }
    return random_.chance(600) ? Door::operator_new : Door::manager;
}

void Actor::prepare(std::uint32_t step) {
    ops_.clear();
    new_blocks_.clear();
    resized_.clear();
    released_.clear();
    draw_for(Part::frees, step);
    plan_frees(step);
    plan_cell_release(step);
    draw_for(Part::allocations, step);
    plan_allocations(step);
    plan_buffers(step);
    draw_for(Part::resizes, step);
    plan_resizes(step);
    draw_for(Part::scrap, step);
    plan_scrap(step);
    std::sort(ops_.begin(), ops_.end(), [](const Op& a, const Op& b) { return a.key < b.key; });
}

/// Each part of a step draws from a sequence of its own: what one part finds cannot change what another decides, so
/// that the load of a cycle depends on nothing older than the blocks it meets.
void Actor::draw_for(Part part, std::uint32_t step) {
    const std::uint32_t turn = options_.cycle == 0 ? step : step % options_.cycle;
    random_ = Random((((options_.seed << 4) + static_cast<std::uint64_t>(part)) << 32) + turn);
}

void Actor::plan_free(std::uint32_t block, std::uint32_t step) {
    Block& freed = blocks_[block];
    check(freed.filled && has_content(freed.data, freed.size, freed.seed), "contents changed", freed);
    freed.busy_step = step;
    released_.push_back(block);
    ops_.push_back({random_.next32(), block, 0, Action::free});
}

void Actor::plan_frees(std::uint32_t step) {
    std::vector<std::uint32_t>& due = due_[step % kCalendar];
    for (const std::uint32_t block : due) {
        plan_free(block, step);
    }
    due.clear();
}

void Actor::plan_cell_release(std::uint32_t step) {
    if (!release_cell_) {
        return;
    }
    release_cell_ = false;
    cells_.emplace_back();
    if (cells_.size() > options_.cells) {
        for (const std::uint32_t block : cells_.front()) {
            plan_free(block, step);
        }
        cells_.erase(cells_.begin());
    }
}

void Actor::plan_allocations(std::uint32_t step) {
    const bool busy_role = traffic_.role == Role::main || traffic_.role == Role::ai;
    const bool burst =
        busy_role && options_.burst_period != 0 && step % options_.burst_period == options_.burst_period - 1;
    const std::uint32_t count = scaled(traffic_.allocations) * (burst ? 3 : 1);
    for (std::uint32_t i = 0; i < count; ++i) {
        plan_allocation(step, pick_door(), pick_size(random_, traffic_.sizes));
    }
}

void Actor::plan_allocation(std::uint32_t step, Door door, std::uint32_t size) {
    const std::uint32_t index = take_slot();
    blocks_[index] = {.size = size, .seed = random_.next32(), .busy_step = step, .door = door};
    const std::uint32_t key = random_.next32();
    ops_.push_back({key, index, 0, Action::allocate});
    if (random_.chance(traffic_.brief)) {
        // Most temporaries die soon after they were made.
        const std::uint32_t distance = random_.below(1U << (20 + random_.below(9)));
        const std::uint32_t end = key > 0xFFFFFFFFU - distance ? 0xFFFFFFFFU : key + distance;
        if (end > key) {
            ops_.push_back({end, index, 0, Action::free_brief});
            released_.push_back(index);
            return;
        }
    }
    new_blocks_.push_back(index);
    plan_life(index, step);
}

void Actor::plan_life(std::uint32_t block, std::uint32_t step) {
    if (random_.chance(traffic_.to_main)) {
        outbox_.push_back(block);
    } else if (random_.chance(traffic_.cell)) {
        cells_.back().push_back(block);
    } else {
        due_[(step + random_.between(traffic_.life_low, traffic_.life_high)) % kCalendar].push_back(block);
    }
}

void Actor::plan_buffers(std::uint32_t step) {
    const std::uint32_t in_ten_steps = scaled(traffic_.buffers);
    // Spread evenly over ten steps.
    const std::uint32_t count = in_ten_steps * (step % 10 + 1) / 10 - in_ten_steps * (step % 10) / 10;
    for (std::uint32_t i = 0; i < count; ++i) {
        const Door door = random_.chance(700) ? Door::file_buffer : Door::manager;
        plan_allocation(step, door, random_.between(traffic_.buffer_low, traffic_.buffer_high));
    }
}

std::uint32_t Actor::pick_live(std::uint32_t step) {
    const std::vector<std::uint32_t>& due = due_[(step + 1 + random_.below(traffic_.life_high)) % kCalendar];
    const std::uint32_t point = random_.below(1U << 16);
    if (due.empty()) {
        return kNever;
    }
    const std::uint32_t index = due[point % due.size()];
    return blocks_[index].filled && blocks_[index].busy_step != step ? index : kNever;
}

void Actor::plan_resizes(std::uint32_t step) {
    for (std::uint32_t i = 0; i < scaled(traffic_.resizes); ++i) {
        const std::uint32_t index = pick_live(step);
        const bool grows = random_.chance(800);
        const std::uint32_t key = random_.next32();
        if (index == kNever || blocks_[index].size > 65536) {
            continue;
        }
        const std::uint32_t size = blocks_[index].size;
        check(has_content(blocks_[index].data, size, blocks_[index].seed), "contents changed", blocks_[index]);
        const std::uint32_t new_size = grows ? size + size / 2 + 8 : size / 2 + 1;
        blocks_[index].busy_step = step;
        resized_.push_back(index);
        ops_.push_back({key, index, new_size, Action::resize});
    }
    for (std::uint32_t i = 0; i < scaled(traffic_.size_queries); ++i) {
        const std::uint32_t index = pick_live(step);
        if (index != kNever) {
            blocks_[index].busy_step = step;
            ops_.push_back({random_.next32(), index, 0, Action::query});
        }
    }
}

/// Nested pushes and pops in rising order of their keys: a stack at any moment.
void Actor::plan_scrap(std::uint32_t step) {
    if (traffic_.scrap_blocks == 0) {
        return;
    }
    scrap_heap_ = step % 2 == 0 ? thread_scrap_heap_ : &embedded_scrap_heap_;
    if (step % kSessionPeriod == 0 && (traffic_.role == Role::main || traffic_.role == Role::ai)) {
        ops_.push_back({random_.next32(), 0, 0, Action::scrap_session});
    }
    std::uint32_t pushes = scaled(traffic_.scrap_blocks);
    std::uint32_t depth = 0;
    const std::uint32_t stride = 0xFFFFFFF0U / (2 * pushes + 1);
    std::uint32_t key = 0;
    while (pushes > 0 || depth > 0) {
        key += stride;
        // Deep first, so that the heap doubles on the way up and halves on the way down.
        const bool push = pushes > 0 && (depth == 0 || random_.chance(750));
        if (push) {
            ops_.push_back({key, random_.between(traffic_.scrap_low, traffic_.scrap_high), 0, Action::scrap_push});
            --pushes;
            ++depth;
        } else {
            ops_.push_back({key, 0, 0, Action::scrap_pop});
            --depth;
        }
    }
}

// --- the timed part
// ----------------------------------------------------------------------------------------------------

void Actor::run() {
    for (const Op& op : ops_) {
        switch (op.action) {
        case Action::allocate:
            do_allocate(blocks_[op.block]);
            break;
        case Action::free:
            do_free(blocks_[op.block]);
            break;
        case Action::free_brief:
            check(is_touched(blocks_[op.block].data, blocks_[op.block].size, blocks_[op.block].seed), "touch lost",
                  blocks_[op.block]);
            do_free(blocks_[op.block]);
            break;
        case Action::resize:
            do_resize(op);
            break;
        case Action::query:
            do_query(blocks_[op.block]);
            break;
        case Action::scrap_push:
            do_scrap_push(op.block);
            break;
        case Action::scrap_pop:
            do_scrap_pop();
            break;
        case Action::scrap_session:
            do_scrap_session();
            break;
        }
    }
    operations_ += ops_.size();
}

void Actor::do_allocate(Block& block) {
    block.data = allocate_through(block.door, block.size);
    if (block.data == nullptr) {
        check(false, "no memory", block);
        return;
    }
    touch(block.data, block.size, block.seed);
}

void Actor::do_free(Block& block) {
    free_through(block.door, block.data);
    block.data = nullptr;
}

void Actor::do_resize(const Op& op) {
    Block& block = blocks_[op.block];
    void* data = resize_through(block.door, block.data, op.size, block.seed);
    if (data == nullptr) {
        check(false, "no memory for a resize", block);
        return;
    }
    block.data = data;
    block.old_size = block.size;
    block.size = op.size;
    if (!resize_clears(block.door, block.seed) && op.size > block.old_size) {
        touch(data, op.size, block.seed, block.old_size);
    }
}

void Actor::do_query(const Block& block) {
    check(size_through(block.door, block.data) >= block.size, "size told too small", block);
}

void Actor::do_scrap_push(std::uint32_t size) {
    void* data = fn::kScrapAllocate(scrap_heap_, size, kScrapAlignment);
    if (data == nullptr) {
        fail(fmt::format("scrap heap full at {} bytes", size));
        return;
    }
    const std::uint32_t seed = size * 0x85EBCA6BU;
    touch(data, size, seed);
    scrap_stack_.push_back({data, size, seed});
}

void Actor::do_scrap_pop() {
    if (scrap_stack_.empty()) {
        return;  // its push failed and said so
    }
    const ScrapBlock top = scrap_stack_.back();
    scrap_stack_.pop_back();
    if (!is_touched(top.data, top.size, top.seed)) {
        fail(fmt::format("scrap block {} of {} bytes changed", top.data, top.size));
    }
    fn::kScrapFree(scrap_heap_, top.data);
}

/// A scrap heap of its own for one piece of work: a buffer is requested, used as a stack and released.
void Actor::do_scrap_session() {
    constexpr std::uint32_t kSize = 20000;
    std::array<void*, 8> blocks{};
    game::ScrapHeap heap{};
    fn::kScrapInit(&heap);
    for (void*& block : blocks) {
        block = fn::kScrapAllocate(&heap, kSize, kScrapAlignment);
        if (block == nullptr) {
            fail("scrap heap full");
            break;
        }
        touch(block, kSize, kSize);
    }
    for (void* block : blocks | std::views::reverse) {
        if (block != nullptr && !is_touched(block, kSize, kSize)) {
            fail("scrap block changed");
        }
        fn::kScrapFree(&heap, block);
    }
    fn::kScrapPurge(&heap);
}

// --- looking after contents
// --------------------------------------------------------------------------------------------

void Actor::finish_new(Block& block) {
    if (block.data == nullptr) {
        return;
    }
    if (is_cleared(block.door)) {
        check(is_zero_but_touched(block.data, block.size, block.seed), "calloc block not zero", block);
    } else {
        check(is_touched(block.data, block.size, block.seed), "touch lost", block);
    }
    fill_content(block.data, block.size, block.seed);
    block.filled = true;
    live_bytes_ += block.size;
}

void Actor::finish_resized(Block& block) {
    const std::uint32_t kept = std::min(block.size, block.old_size);
    check(has_content(block.data, kept, block.seed), "resize lost contents", block);
    if (block.size > kept && resize_clears(block.door, block.seed)) {
        check(is_zero(static_cast<std::uint8_t*>(block.data) + kept, block.size - kept), "recalloc tail not zero",
              block);
    }
    live_bytes_ += block.size;
    live_bytes_ -= block.old_size;
    fill_content(block.data, block.size, block.seed);
}

void Actor::finish(std::uint32_t step) {
    for (const std::uint32_t index : new_blocks_) {
        finish_new(blocks_[index]);
    }
    for (const std::uint32_t index : resized_) {
        finish_resized(blocks_[index]);
    }
    for (const std::uint32_t index : released_) {
        Block& block = blocks_[index];
        live_bytes_ -= block.filled ? block.size : 0;
        block = {.busy_step = step};
        free_slots_.push_back(index);
    }
}

void Actor::hand_over_to(Actor& main_thread, std::uint32_t step) {
    draw_for(Part::hand_over, step);
    for (const std::uint32_t index : outbox_) {
        const Block block = blocks_[index];
        live_bytes_ -= block.size;
        blocks_[index] = {};
        free_slots_.push_back(index);
        const std::uint32_t slot = main_thread.take_slot();
        main_thread.blocks_[slot] = block;
        main_thread.live_bytes_ += block.size;
        if (random_.chance(traffic_.cell)) {
            main_thread.cells_.back().push_back(slot);
        } else {
            const std::uint32_t life = random_.between(traffic_.life_low, traffic_.life_high);
            main_thread.due_[(step + life) % kCalendar].push_back(slot);
        }
    }
    outbox_.clear();
}

void* Actor::some_block() const {
    for (const Block& block : blocks_) {
        if (block.data != nullptr && block.filled && block.size >= 4) {
            return block.data;
        }
    }
    return nullptr;
}

void Actor::tear_down() {
    for (Block& block : blocks_) {
        if (block.data != nullptr) {
            check(block.filled && has_content(block.data, block.size, block.seed), "contents changed", block);
            live_bytes_ -= block.size;
            do_free(block);
        }
    }
    if (thread_scrap_heap_ != nullptr) {
        fn::kScrapPurge(&embedded_scrap_heap_);
    }
}

}  // namespace mp::app
