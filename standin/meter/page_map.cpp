#include "meter/page_map.h"

#include <algorithm>
#include <span>

namespace mp::meter {

template <typename Change>
void PageMap::change(std::uintptr_t base, std::size_t size, Change change) {
    const std::size_t first = base >> kPageBits;
    const std::size_t count = std::min((size + (1U << kPageBits) - 1) >> kPageBits, kPages - first);
    for (State& page : std::span(pages_).subspan(first, count)) {
        const State before = page;
        page = change(before);
        committed_ += static_cast<std::uint32_t>(page == State::committed);
        committed_ -= static_cast<std::uint32_t>(before == State::committed);
        reserved_ += static_cast<std::uint32_t>(page == State::reserved || page == State::committed);
        reserved_ -= static_cast<std::uint32_t>(before == State::reserved || before == State::committed);
    }
    peak_committed_ = std::max(peak_committed_, committed_);
    peak_reserved_ = std::max(peak_reserved_, reserved_);
}

void PageMap::reserve(std::uintptr_t base, std::size_t size, Owner owner) {
    const State state = owner == Owner::harness ? State::harness : State::reserved;
    change(base, size, [state](State) { return state; });
}

void PageMap::commit(std::uintptr_t base, std::size_t size) {
    change(base, size, [](State page) { return page == State::harness ? page : State::committed; });
}

void PageMap::decommit(std::uintptr_t base, std::size_t size) {
    change(base, size, [](State page) { return page == State::committed ? State::reserved : page; });
}

void PageMap::release(std::uintptr_t base, std::size_t size) {
    change(base, size, [](State) { return State::free; });
}

void PageMap::begin_peak() {
    peak_committed_ = committed_;
    peak_reserved_ = reserved_;
}

}  // namespace mp::meter
