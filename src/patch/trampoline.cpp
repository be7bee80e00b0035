#include "patch/trampoline.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "os/os.h"
#include "patch/plan.h"

namespace mp::patch {
namespace {

constexpr std::size_t kPagesPerRegion = os::kGranule / os::kPage;
constexpr std::uint8_t kBreakpoint = 0xCC;

static_assert(game::BytePattern::kCapacity + game::kJumpSize <= TrampolineStore::kSlot);
static_assert(TrampolineStore::kMaxBatch * TrampolineStore::kSlot == os::kPage);
static_assert(kMaxHooks <= TrampolineStore::kMaxBatch, "a transaction's trampolines fit into one page");

/// A jump reaches the game from everywhere in a 32-bit process; elsewhere only when the address fits.
bool can_jump_from(const std::uint8_t* page) noexcept {
    return reinterpret_cast<std::uintptr_t>(page) <= std::numeric_limits<game::Addr>::max() - os::kPage;
}

void write(std::uint8_t* slot, const TrampolineRequest& request) noexcept {
    const std::size_t size = request.stolen.size();
    std::memcpy(slot, request.stolen.data(), size);
    const auto from = static_cast<game::Addr>(reinterpret_cast<std::uintptr_t>(slot) + size);
    encode_jump(from, request.va + static_cast<game::Addr>(size), slot + size);
}

}  // namespace

void* TrampolineStore::find(const TrampolineRequest& request) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        const Entry& entry = entries_[i];
        if (entry.va == request.va && std::ranges::equal(std::span(entry.stolen).first(entry.size), request.stolen)) {
            return entry.address;
        }
    }
    return nullptr;
}

/// A committed, writable page that `pages_used_` does not count yet.
std::uint8_t* TrampolineStore::take_page() noexcept {
    if (region_ == nullptr || pages_used_ == kPagesPerRegion) {
        auto* region = static_cast<std::uint8_t*>(os::reserve(os::kGranule));
        if (region == nullptr) {
            return nullptr;
        }
        region_ = region;  // a full one before it is kept by its entries
        pages_used_ = 0;
    }
    std::uint8_t* page = region_ + pages_used_ * os::kPage;
    if (!can_jump_from(page) || !os::commit(page, os::kPage)) {
        give_page_back(nullptr);
        return nullptr;
    }
    return page;
}

/// Undoes take_page. A page that cannot be given back is taken, still writable and not executable, by the next batch.
void TrampolineStore::give_page_back(std::uint8_t* page) noexcept {
    if (pages_used_ > 0) {
        if (page != nullptr) {
            os::decommit(page, os::kPage);
        }
    } else if (os::release(region_, os::kGranule)) {
        region_ = nullptr;
    }
}

bool TrampolineStore::prepare(std::span<TrampolineRequest> requests) noexcept {
    std::size_t missing = 0;
    for (TrampolineRequest& request : requests) {
        request.address = find(request);
        missing += request.address == nullptr ? 1 : 0;
    }
    if (missing == 0) {
        return true;
    }
    std::uint8_t* page = missing <= kMaxBatch && count_ + missing <= kCapacity ? take_page() : nullptr;
    if (page == nullptr) {
        return false;
    }
    std::memset(page, kBreakpoint, os::kPage);
    std::uint8_t* slot = page;
    for (const TrampolineRequest& request : requests) {
        if (request.address == nullptr) {
            write(slot, request);
            slot += kSlot;
        }
    }
    os::OldProtection writable{};
    if (!os::protect(page, os::kPage, os::Protection::execute_read, &writable)) {
        give_page_back(page);
        return false;
    }
    os::flush_instruction_cache(page, os::kPage);
    ++pages_used_;
    slot = page;
    for (TrampolineRequest& request : requests) {
        if (request.address != nullptr) {
            continue;
        }
        Entry& entry = entries_[count_++];
        entry.va = request.va;
        entry.size = static_cast<std::uint8_t>(request.stolen.size());
        std::ranges::copy(request.stolen, entry.stolen.begin());
        entry.address = slot;
        request.address = slot;
        slot += kSlot;
    }
    return true;
}

}  // namespace mp::patch
