#include "patch/trampoline.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include "os/os.h"
#include "patch/decode.h"
#include "patch/plan.h"

namespace mp::patch {
namespace {

constexpr std::size_t kPagesPerRegion = os::kGranule / os::kPage;
constexpr std::uint8_t kBreakpoint = 0xCC;

static_assert(TrampolineStore::kMaxBatch * TrampolineStore::kSlot <= os::kPage);
static_assert(kMaxHooks <= TrampolineStore::kMaxBatch, "a transaction's trampolines fit into one page");

/// A jump reaches the game from everywhere in a 32-bit process; elsewhere only when the address fits.
bool can_jump_from(const std::uint8_t* page) noexcept {
    return reinterpret_cast<std::uintptr_t>(page) <= std::numeric_limits<game::Addr>::max() - os::kPage;
}

/// The stolen bytes, readable at their former address.
class StolenBytes final : public Image {
public:
    explicit StolenBytes(const TrampolineRequest& request) noexcept : request_(request) {}
    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override {
        const std::size_t from = va - request_.va;
        return from <= request_.stolen.size() && size <= request_.stolen.size() - from ? request_.stolen.data() + from
                                                                                       : nullptr;
    }
    [[nodiscard]] ModuleRange module_of(game::Addr /*va*/) const noexcept override { return {}; }
    void owner_of(game::Addr /*va*/, char* /*name*/, std::size_t /*capacity*/) const noexcept override {}

private:
    const TrampolineRequest& request_;
};

/// Code in the making, in a slot.
class Slot {
public:
    explicit Slot(std::uint8_t* begin) noexcept : begin_(begin) {}

    bool add(std::span<const std::uint8_t> bytes) noexcept {
        if (size_ + bytes.size() > TrampolineStore::kSlot) {
            return false;
        }
        std::ranges::copy(bytes, begin_ + size_);
        size_ += bytes.size();
        return true;
    }
    /// An instruction of `opcode` and a distance of four bytes.
    bool add_relative(std::span<const std::uint8_t> opcode, game::Addr target) noexcept {
        if (!add(opcode)) {
            return false;
        }
        const game::Addr distance = target - (here() + static_cast<game::Addr>(sizeof target));
        std::array<std::uint8_t, sizeof distance> bytes{};
        std::memcpy(bytes.data(), &distance, sizeof distance);
        return add(bytes);
    }

private:
    [[nodiscard]] game::Addr here() const noexcept {
        return static_cast<game::Addr>(reinterpret_cast<std::uintptr_t>(begin_) + size_);
    }

    std::uint8_t* begin_;
    std::size_t size_ = 0;
};

constexpr std::uint8_t kCall = 0xE8;
constexpr std::uint8_t kJump = 0xE9;
constexpr std::uint8_t kShortBranch = 0x70;  // to 7F; the condition is in the low half
constexpr std::uint8_t kTwoBytes = 0x0F;
constexpr std::uint8_t kLongBranch = 0x80;  // behind 0F
constexpr std::uint8_t kCondition = 0x0F;

/// Writes a relative instruction of the stolen bytes for its new place.
bool move_relative(Slot& slot, const Instruction& instruction, std::span<const std::uint8_t> bytes) noexcept {
    if (instruction.flow == Flow::call) {
        return slot.add_relative(std::array{kCall}, instruction.target);
    }
    if (instruction.flow == Flow::jump) {
        return slot.add_relative(std::array{kJump}, instruction.target);
    }
    const bool is_short = (bytes[0] & ~kCondition) == kShortBranch;
    if (instruction.fixed || (!is_short && bytes[0] != kTwoBytes)) {
        return false;
    }
    const auto condition = static_cast<std::uint8_t>((is_short ? bytes[0] : bytes[1]) & kCondition);
    return slot.add_relative(std::array{kTwoBytes, static_cast<std::uint8_t>(kLongBranch | condition)},
                             instruction.target);
}

/// The stolen instructions and the jump to the rest of the function; false when one of them cannot be moved.
bool write(std::uint8_t* begin, const TrampolineRequest& request) noexcept {
    const StolenBytes stolen(request);
    const auto size = static_cast<game::Addr>(request.stolen.size());
    Slot slot(begin);
    game::Addr done = 0;
    while (done < size) {
        const std::optional<Instruction> instruction = decode(stolen, request.va + done);
        if (!instruction) {
            return false;
        }
        const auto bytes = request.stolen.subspan(done, instruction->size);
        const bool into_itself = instruction->relative && instruction->target - request.va < size;
        const bool moved =
            instruction->relative ? !into_itself && move_relative(slot, *instruction, bytes) : slot.add(bytes);
        if (!moved) {
            return false;
        }
        done += instruction->size;
    }
    return slot.add_relative(std::array{kJump}, request.va + size);
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
        if (request.address != nullptr) {
            continue;
        }
        if (!write(slot, request)) {
            give_page_back(page);
            return false;
        }
        slot += kSlot;
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
