// Threads and modules of the process, for the patcher and the log. Cold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::os {

/// File name (no folder) of the module that holds `address`; "" and false when none does.
bool module_name_at(const void* address, char* name, std::size_t capacity) noexcept;

/// Every other thread of the process, suspended. No allocation from a C runtime or a heap and no lock between `suspend`
/// and `resume`: a suspended thread may hold any of them. On systems without such a service (Linux builds of the tests)
/// suspending succeeds and holds nobody. Big: meant for static storage. One thread at a time.
class SuspendedThreads {
public:
    enum class Result : std::uint8_t {
        all,       ///< every other thread stands still
        refused,   ///< a thread that lives could not be opened or suspended, or the system broke off listing them
        too_many,  ///< more than kMax, or the system has no list of them
    };
    static constexpr std::size_t kMax = 512;
    /// Instruction pointer of a thread that exists but has not executed anything yet; no instruction is there.
    static constexpr std::uintptr_t kNotBegun = 1;
    /// Finds what `suspend` needs of the system. Takes the loader's lock: with no lock of ours held. Without it the
    /// first `suspend` does so itself.
    static void prepare() noexcept;
    /// Suspends threads until a whole pass finds no new one. Only threads that have ended are left out. With any result
    /// but `all` nobody is suspended. Must not be called while threads of an earlier call are suspended.
    Result suspend() noexcept;
    void resume() noexcept;
    /// After `refused`: the id of the thread; 0 when the list broke off.
    [[nodiscard]] std::uint32_t refused_thread() const noexcept { return refused_thread_; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// Instruction pointer of a suspended thread; 0 when it cannot be read.
    [[nodiscard]] std::uintptr_t instruction_pointer(std::size_t index) const noexcept;

private:
    enum class Outcome : std::uint8_t { suspended, stays, ended, refused, too_many };
    class Walk;
    Result pass(Walk& walk) noexcept;
    Outcome suspend_one(void* thread, std::uint32_t id) noexcept;
    void settle(std::size_t first) noexcept;
    [[nodiscard]] bool knows(std::uint32_t id) const noexcept;
    Outcome take(void* thread, std::uint32_t id) noexcept;

    void* handles_[kMax] = {};
    std::uint32_t ids_[kMax] = {};
    std::uintptr_t instruction_pointers_[kMax] = {};
    std::size_t count_ = 0;
    std::uint32_t refused_thread_ = 0;
};

/// Keeps the calling thread's id from being given to another thread after this one has ended, until `let_go`; nullptr
/// when the system refuses.
void* hold_thread_id() noexcept;
void let_go_thread_id(void* held) noexcept;

/// True when the system knows no running thread of this id any more. A few kernel calls; no allocation.
bool thread_has_ended(std::uint32_t id) noexcept;

std::uint32_t current_process_id() noexcept;

/// A name that one module has for the life of the process. Zero-initialised = not taken. One thread at a time.
class NameClaim {
public:
    /// True when the name is ours from now on, or was. When another module has it, that one is left a mark.
    bool take(const char* name) noexcept;
    /// Whether another module asked for a name that is ours.
    [[nodiscard]] bool others_asked() const noexcept;

private:
    void* mark_ = nullptr;
};

/// Keeps the module that holds `address` loaded until the process ends.
bool pin_module_of(const void* address) noexcept;

}  // namespace mp::os
