#include "patch/hooks.h"

#include <algorithm>
#include <utility>

namespace mp::patch {
namespace {

int rank(const Hook& hook) noexcept {
    if (hook.site == nullptr) {
        return 0;
    }
    return hook.site->role == game::Role::consumer ? 1 : 2;
}

}  // namespace

Hook& Hooks::add(const Hook& hook) noexcept {
    if (count_ == list_.size()) {
        too_many_ = true;
        return list_.back();
    }
    const auto place = std::ranges::upper_bound(all(), rank(hook), {}, rank);
    const auto index = static_cast<std::size_t>(place - all().begin());
    std::move_backward(list_.begin() + index, list_.begin() + count_, list_.begin() + count_ + 1);
    ++count_;
    return list_[index] = hook;
}

bool Hooks::stands(game::Group group) const noexcept {
    return std::ranges::any_of(all(), [group](const Hook& hook) { return hook.stands && hook.group() == group; });
}

std::size_t Hooks::standing() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(all(), &Hook::stands));
}

const Hook* Hooks::find(game::Addr va) const noexcept {
    const auto found = std::ranges::find(all(), va, &Hook::va);
    return found == all().end() ? nullptr : &*found;
}

Hook* Hooks::find(game::Addr va) noexcept {
    return const_cast<Hook*>(std::as_const(*this).find(va));
}

}  // namespace mp::patch
