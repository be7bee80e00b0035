#include "session/mailbox.h"

#include <algorithm>

namespace mp::session {

void Mailbox::put(std::uint64_t ms, std::string_view kind, std::string_view text) noexcept {
    auto* const place = std::ranges::find_if(places_, [](Place& one) {
        State free = State::free;
        return one.state.compare_exchange_strong(free, State::taken, std::memory_order_acquire);
    });
    if (place == places_.end()) {
        lost_.fetch_add(1);
        return;
    }
    place->number = next_number_.fetch_add(1);
    place->event.ms = ms;
    place->event.kind = kind;
    place->event.length = std::min(text.size(), place->event.text.size());
    std::copy_n(text.data(), place->event.length, place->event.text.data());
    place->state.store(State::ready, std::memory_order_release);
}

bool Mailbox::take(Event& out) noexcept {
    auto* const place = std::ranges::find_if(places_, [this](const Place& one) {
        return one.state.load(std::memory_order_acquire) == State::ready && one.number == next_taken_;
    });
    if (place == places_.end()) {
        return false;
    }
    ++next_taken_;
    out = place->event;
    place->state.store(State::free, std::memory_order_release);
    return true;
}

}  // namespace mp::session
