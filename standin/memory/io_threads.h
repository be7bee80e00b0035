// The IO threads' semaphores, as far as the out-of-memory handler knows them (engine contract B.10). The engine's IO
// threads themselves are not part of the stand-in; an application that needs them makes a manager of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "game/layouts.h"

namespace mp::standin {

/// An IO thread: whoever owns its semaphore keeps it from working.
struct IoThread {
    std::atomic<std::uint32_t> owner{0};  ///< thread id, 0 when nobody owns the semaphore
    std::atomic<std::uint32_t> releases{0};
    std::atomic<std::uint32_t> idle_signals{0};
};

/// A manager with up to eight IO threads, in the game's place as long as it lives.
class IoThreads {
public:
    explicit IoThreads(std::uint32_t count);
    ~IoThreads();
    IoThreads(const IoThreads&) = delete;
    IoThreads& operator=(const IoThreads&) = delete;

    [[nodiscard]] IoThread& thread(std::uint32_t index) { return threads_[index]; }
    /// Empties a slot of the array, as a thread that ends does.
    void remove(std::uint32_t index) { slots_[index] = 0; }
    [[nodiscard]] game::IoManager& manager() { return manager_; }
    /// The calling thread becomes the owner of a semaphore, as soon as it has none.
    void take(std::uint32_t index);

private:
    std::array<IoThread, game::IoManager::kMostThreads> threads_;
    std::array<game::Ptr32, game::IoManager::kMostThreads> slots_{};
    game::IoManager manager_{};
    game::Ptr32 before_;
};

}  // namespace mp::standin
