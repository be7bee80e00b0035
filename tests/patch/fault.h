// Makes chosen calls of the system layer fail.
#pragma once

#include <cstdint>
#include <functional>

#include "os/os.h"

namespace mp::patch::test {

/// While it lives, `decide` is asked before each call of one kind, with the call's number from 1 on; true makes it
/// fail.
class Faults {
public:
    using Decide = std::function<bool(os::Call call, int number)>;
    enum class Kind : std::uint8_t {
        memory,
        suspension,  ///< `decide` runs while other threads stand still: no allocation, no lock
        all,         ///< the same
    };
    explicit Faults(Decide decide, Kind kind = Kind::memory) : decide_(std::move(decide)), kind_(kind) {
        os::set_fault_hook(&Faults::hook, this);
    }
    ~Faults() { os::set_fault_hook(nullptr, nullptr); }
    Faults(const Faults&) = delete;
    Faults& operator=(const Faults&) = delete;

    [[nodiscard]] int calls() const { return calls_; }
    [[nodiscard]] int failed() const { return failed_; }

    /// Only the call number `which`.
    static Decide only(int which) {
        return [which](os::Call, int number) { return number == which; };
    }
    static Decide always() {
        return [](os::Call, int) { return true; };
    }
    static Decide between(int first, int last) {
        return [first, last](os::Call, int number) { return number >= first && number <= last; };
    }

private:
    static bool hook(os::Call call, void* context) {
        auto& self = *static_cast<Faults*>(context);
        const Kind kind = call == os::Call::suspend ? Kind::suspension : Kind::memory;
        if (self.kind_ != Kind::all && (call == os::Call::flush || kind != self.kind_)) {
            return false;
        }
        const bool fails = self.decide_(call, ++self.calls_);
        self.failed_ += fails ? 1 : 0;
        return fails;
    }

    Decide decide_;
    Kind kind_;
    int calls_ = 0;
    int failed_ = 0;
};

}  // namespace mp::patch::test
