// Events on their way from whichever thread they happen to, to the one that writes them down. No lock, no allocation,
// no waiting: an event that finds every place taken is counted instead of kept.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mp::session {

class Mailbox {
public:
    struct Event {
        std::uint64_t ms = 0;
        std::string_view kind{};
        std::size_t length = 0;
        std::array<char, 512> text{};  ///< longer ones are cut
    };

    /// Any thread. `kind` is a literal.
    void put(std::uint64_t ms, std::string_view kind, std::string_view text) noexcept;
    /// The oldest event; false when there is none, or it is still being put in. One thread at a time.
    bool take(Event& out) noexcept;
    /// Events that found no place since the last call.
    std::uint32_t lost() noexcept { return lost_.exchange(0); }

private:
    enum class State : std::uint8_t { free, taken, ready };
    struct Place {
        std::atomic<State> state{State::free};
        std::uint32_t number = 0;
        Event event;
    };

    std::array<Place, 32> places_{};
    std::atomic<std::uint32_t> next_number_{0};
    std::uint32_t next_taken_ = 0;
    std::atomic<std::uint32_t> lost_{0};
};

}  // namespace mp::session
