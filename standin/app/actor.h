// One thread's share of a scenario. A step has three parts: `prepare` and `finish` are never timed (they decide what
// happens and look after the blocks' contents), `run` does nothing but the memory operations.
#pragma once

#include "app/random.h"
#include "app/traffic.h"
#include "game/layouts.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace mp::app {

struct Block {
    void* data = nullptr;
    std::uint32_t size = 0;
    std::uint32_t seed = 0;
    std::uint32_t old_size = 0;   ///< before this step's resize
    std::uint32_t busy_step = 0;  ///< last step that already does something with it
    Door door = Door::manager;
    bool filled = false;  ///< its whole contents are those of `seed`
};

struct ActorOptions {
    std::uint64_t seed;
    std::uint32_t scale_percent;  ///< of the allocations and buffers of a step
    std::uint32_t cycle;          ///< steps after which the same decisions come again; 0 = never
    std::uint32_t burst_period;
    std::uint32_t cells;
};

class Actor {
public:
    Actor(const Traffic& traffic, const ActorOptions& options);

    /// On the actor's own thread, before the first step: its scrap heaps.
    void open_scrap_heaps();
    /// Room in the actor's own books for so many residents and what comes and goes beside them.
    void expect(std::uint32_t residents);
    /// Makes blocks that live through the run (or, `cell_share` per mille, in the first cell). Contents filled.
    void populate(std::uint32_t count, SizeMix sizes, std::uint32_t cell_share);
    /// The oldest cell is released in the next step.
    void release_oldest_cell() { release_cell_ = true; }

    void prepare(std::uint32_t step);
    void run();
    void finish(std::uint32_t step);

    /// Blocks for the main thread to look after from now on; called between steps.
    void hand_over_to(Actor& main_thread, std::uint32_t step);

    /// Verifies and frees everything that is left.
    void tear_down();

    [[nodiscard]] std::uint64_t operations() const { return operations_; }
    [[nodiscard]] std::uint64_t live_bytes() const { return live_bytes_; }
    [[nodiscard]] std::uint32_t errors() const { return errors_; }
    [[nodiscard]] const std::string& first_error() const { return first_error_; }
    /// A live block of at least four bytes, for tests; nullptr when there is none.
    [[nodiscard]] void* some_block() const;
    [[nodiscard]] Role role() const { return traffic_.role; }

private:
    enum class Action : std::uint8_t {
        allocate,
        free,
        free_brief,
        resize,
        query,
        scrap_push,
        scrap_pop,
        scrap_session
    };
    struct Op {
        std::uint32_t key;    ///< position in the step
        std::uint32_t block;  ///< index into blocks_, or the size of a scrap block
        std::uint32_t size;   ///< new size of a resize
        Action action;
    };

    static constexpr std::uint32_t kCalendar = 256;  ///< longest life in steps, and a bit
    static constexpr std::uint32_t kNever = 0xFFFFFFFF;

    enum class Part : std::uint8_t { frees, allocations, resizes, scrap, hand_over };
    void draw_for(Part part, std::uint32_t step);

    std::uint32_t take_slot();
    Door pick_door();
    void plan_frees(std::uint32_t step);
    void plan_cell_release(std::uint32_t step);
    void plan_free(std::uint32_t block, std::uint32_t step);
    void plan_allocations(std::uint32_t step);
    void plan_allocation(std::uint32_t step, Door door, std::uint32_t size);
    void plan_life(std::uint32_t block, std::uint32_t step);
    void plan_buffers(std::uint32_t step);
    void plan_resizes(std::uint32_t step);
    void plan_scrap(std::uint32_t step);
    std::uint32_t pick_live(std::uint32_t step);
    [[nodiscard]] std::uint32_t scaled(std::uint32_t count) const;

    void do_allocate(Block& block);
    void do_free(Block& block);
    void do_resize(const Op& op);
    void do_query(const Block& block);
    void do_scrap_push(std::uint32_t size);
    void do_scrap_pop();
    void do_scrap_session();
    void finish_new(Block& block);
    void finish_resized(Block& block);
    void check(bool good, const char* what, const Block& block);
    void fail(const std::string& text);

    Traffic traffic_;
    ActorOptions options_;
    Random random_;
    game::ScrapHeap* thread_scrap_heap_ = nullptr;
    game::ScrapHeap embedded_scrap_heap_{};  ///< one that belongs to an object, as those of the path finder
    game::ScrapHeap* scrap_heap_ = nullptr;  ///< the one that this step uses
    std::vector<Block> blocks_;
    std::vector<std::uint32_t> free_slots_;
    std::array<std::vector<std::uint32_t>, kCalendar> due_;
    std::vector<std::vector<std::uint32_t>> cells_;  ///< the last one is the current cell
    std::vector<std::uint32_t> outbox_;
    std::vector<std::uint32_t> new_blocks_;
    std::vector<std::uint32_t> resized_;
    std::vector<std::uint32_t> released_;
    std::vector<Op> ops_;
    struct ScrapBlock {
        void* data;
        std::uint32_t size;
        std::uint32_t seed;
    };
    std::vector<ScrapBlock> scrap_stack_;
    bool release_cell_ = false;
    std::uint64_t operations_ = 0;
    std::uint64_t live_bytes_ = 0;
    std::uint32_t errors_ = 0;
    std::string first_error_;
};

}  // namespace mp::app
