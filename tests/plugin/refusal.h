// A system that refuses memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

#include "game/addresses.h"
#include "game/call.h"
#include "os/os.h"

namespace mp::test {

inline constexpr std::uint32_t kForGood = std::numeric_limits<std::uint32_t>::max();

/// Refuses reservations and commits: from the `first`-th on, `count` of them.
class Refusal {
public:
    Refusal(std::uint32_t first, std::uint32_t count) : first_(first), count_(count) {
        os::set_fault_hook(&Refusal::decide, this);
    }
    ~Refusal() { os::set_fault_hook(nullptr, nullptr); }
    Refusal(const Refusal&) = delete;
    Refusal& operator=(const Refusal&) = delete;
    [[nodiscard]] std::uint32_t refused() const { return refused_; }

private:
    static bool decide(os::Call call, void* context) {
        auto& self = *static_cast<Refusal*>(context);
        if (call != os::Call::reserve && call != os::Call::commit) {
            return false;
        }
        const std::uint32_t number = ++self.seen_;
        const bool refuse = number >= self.first_ && number - self.first_ < self.count_;
        self.refused_ += refuse ? 1 : 0;
        return refuse;
    }
    std::uint32_t first_;
    std::uint32_t count_;
    std::atomic<std::uint32_t> seen_{0};
    std::atomic<std::uint32_t> refused_{0};
};

/// The C runtime has no heap to help out with as long as this lives.
class NoRuntimeHeap {
public:
    NoRuntimeHeap() : before_(std::exchange(heap(), 0U)) {}
    ~NoRuntimeHeap() { heap() = before_; }
    NoRuntimeHeap(const NoRuntimeHeap&) = delete;
    NoRuntimeHeap& operator=(const NoRuntimeHeap&) = delete;

private:
    static game::Ptr32& heap() { return *game::at<game::Ptr32>(game::data::kCrtHeap); }
    game::Ptr32 before_;
};

}  // namespace mp::test
