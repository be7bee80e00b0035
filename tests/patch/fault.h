// Makes chosen calls of the system layer fail.
#pragma once

#include <functional>

#include "os/os.h"

namespace mp::patch::test {

/// While it lives, `decide` is asked before each memory call, with the call's number from 1 on; true makes it fail.
class Faults {
public:
    using Decide = std::function<bool(os::Call call, int number)>;
    explicit Faults(Decide decide) : decide_(std::move(decide)) { os::set_fault_hook(&Faults::hook, this); }
    ~Faults() { os::set_fault_hook(nullptr, nullptr); }
    Faults(const Faults&) = delete;
    Faults& operator=(const Faults&) = delete;

    [[nodiscard]] int calls() const { return calls_; }
    [[nodiscard]] int failed() const { return failed_; }

    /// Only the call number `which`.
    static Decide only(int which) {
        return [which](os::Call, int number) { return number == which; };
    }
    static Decide between(int first, int last) {
        return [first, last](os::Call, int number) { return number >= first && number <= last; };
    }

private:
    static bool hook(os::Call call, void* context) {
        auto& self = *static_cast<Faults*>(context);
        const bool fails = self.decide_(call, ++self.calls_);
        self.failed_ += fails ? 1 : 0;
        return fails;
    }

    Decide decide_;
    int calls_ = 0;
    int failed_ = 0;
};

}  // namespace mp::patch::test
