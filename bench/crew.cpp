#include "crew.h"

#include <numeric>

namespace mp::bench {

Crew::Crew(std::uint32_t threads) : spent_(threads) {
    for (std::uint32_t i = 1; i < threads; ++i) {
        members_.emplace_back([this, i] { serve(i); });
    }
}

Crew::~Crew() {
    {
        const std::lock_guard guard(lock_);
        quit_ = true;
        ++generation_;
    }
    begin_.notify_all();
    for (std::thread& member : members_) {
        member.join();
    }
}

FrameTime Crew::run(const Job& prepare, const Job& work) {
    const std::uint64_t before = process_cpu_ns();
    {
        const std::lock_guard guard(lock_);
        prepare_ = &prepare;
        work_ = &work;
        busy_ = threads();
        ++generation_;
    }
    begin_.notify_all();
    perform(0);
    std::unique_lock guard(lock_);
    done_.wait(guard, [this] { return busy_ == 0; });
    if (!kHasThreadClock) {
        const std::uint64_t spent = process_cpu_ns() - before;
        return {spent, spent};
    }
    return {std::accumulate(spent_.begin(), spent_.end(), std::uint64_t{0}), spent_[0]};
}

void Crew::serve(std::uint32_t thread) {
    for (std::uint64_t seen = 0;;) {
        {
            std::unique_lock guard(lock_);
            begin_.wait(guard, [&] { return generation_ != seen; });
            seen = generation_;
            if (quit_) {
                break;
            }
        }
        perform(thread);
    }
}

// All prepare before the first one works.
void Crew::meet() {
    std::unique_lock guard(lock_);
    const std::uint64_t meeting = meetings_;
    if (++waiting_ == threads()) {
        waiting_ = 0;
        ++meetings_;
        met_.notify_all();
        return;
    }
    met_.wait(guard, [&] { return meetings_ != meeting; });
}

void Crew::perform(std::uint32_t thread) {
    (*prepare_)(thread);
    meet();
    const std::uint64_t start = thread_cpu_ns();
    (*work_)(thread);
    spent_[thread] = thread_cpu_ns() - start;
    const std::lock_guard guard(lock_);
    if (--busy_ == 0) {
        done_.notify_all();
    }
}

}  // namespace mp::bench
