// Threads that work in frames: all start a frame together, the next one begins when the last is done. What a thread
// spends inside a frame is measured on its own clock; waiting is not.
#pragma once

#include "blocks.h"
#include "platform.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mp::bench {

/// Something that threads do frame by frame.
class Play {
public:
    Play() = default;
    Play(const Play&) = delete;
    Play& operator=(const Play&) = delete;
    virtual ~Play() = default;

    [[nodiscard]] virtual std::uint32_t frames() const = 0;
    /// Not measured: decides what thread `thread` will do in `frame`.
    virtual void prepare(std::uint32_t thread, std::uint32_t frame) = 0;
    /// Measured.
    virtual void work(std::uint32_t thread, std::uint32_t frame) = 0;
    /// On the main thread, while all others wait: hands blocks from thread to thread.
    virtual void between() = 0;
    /// Frees the half of what was loaded that was loaded first: an area is left.
    virtual void halve(std::uint32_t thread) = 0;
    /// A little work after that.
    virtual void idle(std::uint32_t thread) = 0;
    /// Frees everything.
    virtual void clear(std::uint32_t thread) = 0;
    using Visitor = std::function<void(const Item& item)>;
    /// Calls `visit` for each live block; for an empty item, too. On the main thread, while all others wait.
    virtual void each_live(const Visitor& visit) const = 0;
    [[nodiscard]] virtual Tally tally() const = 0;
};

/// Where threads have no clock of their own (kHasThreadClock) both are the process's, preparation included.
struct FrameTime {
    std::uint64_t all_ns;   ///< CPU of all threads
    std::uint64_t main_ns;  ///< CPU of the main thread
};

/// The calling thread is thread 0, the main one.
class Crew {
public:
    explicit Crew(std::uint32_t threads);
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    using Job = std::function<void(std::uint32_t thread)>;
    /// Runs the jobs on all threads: `prepare`, then, measured, `work`. Returns when all are done.
    FrameTime run(const Job& prepare, const Job& work);
    FrameTime run(const Job& work) {
        return run([](std::uint32_t) {}, work);
    }
    [[nodiscard]] std::uint32_t threads() const { return static_cast<std::uint32_t>(spent_.size()); }

private:
    void serve(std::uint32_t thread);
    void perform(std::uint32_t thread);
    void meet();

    std::mutex lock_;
    std::condition_variable begin_;
    std::condition_variable met_;
    std::condition_variable done_;
    std::uint64_t generation_ = 0;
    std::uint64_t meetings_ = 0;
    std::uint32_t waiting_ = 0;
    std::uint32_t busy_ = 0;
    bool quit_ = false;
    const Job* prepare_ = nullptr;
    const Job* work_ = nullptr;
    std::vector<std::uint64_t> spent_;  ///< ns of the last run, by thread
    std::vector<std::thread> members_;
};

}  // namespace mp::bench
