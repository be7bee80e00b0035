// Scrap heap buffers: create and free (pattern 3), grow and shrink (pattern 2). Engine contract A.3 to A.6, B.8.
//
// A buffer is an 8 MB reservation whose first part is committed. The original commits and decommits at every doubling
// and halving of a scrap heap. Here each buffer has a high-water mark: growth below it and every shrink need no kernel
// call, because the end that the scrap heap stores is bookkeeping only. Freed buffers are kept, committed, for the next
// request.
//
// Threads: one buffer is used by one caller at a time (the game's rule), so marks need no lock; the list of idle
// buffers has one.
#include "replace/scrap_buffers.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "game/addresses.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/hook.h"
#include "replace/kernel_calls.h"
#include "replace/policy.h"
#include "replace/pressure.h"

namespace mp::replace {

namespace {

using game::Addr;

constexpr std::uint32_t kGranule = os::kGranule;
constexpr std::uint32_t kGranuleCount = 0x10000;  // of a 32-bit address space
constexpr std::uint32_t kFirstCommit = 4 * kGranule;
constexpr std::uint32_t kStackReserve = 0x00200000;  // of the smallest buffer
constinit std::uint32_t g_idle_limit = policy::kIdleScrap;

/// Per buffer, indexed by the granule of its base.
struct BufferMarks {
    std::uint16_t committed_granules;  ///< high-water mark; 0 = not seen yet
    std::uint16_t reserved_granules;   ///< 0 = the original's 8 MB
};
constinit std::array<BufferMarks, kGranuleCount> g_marks{};

struct IdleBuffers {
    os::ColdLock lock;
    std::array<Addr, policy::kIdleScrap / kStackReserve> base{};
    std::size_t count = 0;
    std::uint32_t bytes = 0;  ///< reserved by the buffers in the list
};
constinit IdleBuffers g_idle;

/// Return address of the original's first, unlocked free in ReleaseBuffer; 0 when the image has no such call there.
constinit Addr g_unlocked_free_return = 0;

BufferMarks& marks(Addr base) noexcept {
    return g_marks[base / kGranule];
}

std::uint32_t reserved_bytes(Addr base) noexcept {
    const std::uint32_t granules = marks(base).reserved_granules;
    return granules != 0 ? granules * kGranule : game::kScrapReserve;
}

/// Buffers come from the system's reservations, so their bases are granule aligned; anything else (the original's NULL
/// base after a failed reservation) is served without marks.
bool has_marks(Addr base) noexcept {
    return base != 0 && base % kGranule == 0;
}

void commit_or_run_protocol(Addr address, std::uint32_t size) noexcept {
    if (kernel::commit(game::at<void>(address), size)) {
        return;
    }
    OutOfMemoryProtocol protocol(size);
    do {
        protocol.next_stage();
    } while (!kernel::commit(game::at<void>(address), size));
}

/// Raises the mark of a buffer to at least `wanted` bytes; never fails (engine contract A.3).
void ensure_committed(Addr base, std::uint32_t wanted) noexcept {
    const std::uint32_t have = marks(base).committed_granules * kGranule;
    const std::uint32_t need = (wanted + kGranule - 1) / kGranule * kGranule;
    const std::uint32_t ahead = std::min(have + std::min(have, policy::kStep * kGranule), reserved_bytes(base));
    std::uint32_t end = std::max(need, ahead);
    if (end > need && !kernel::commit(game::at<void>(base + have), end - have)) {
        end = need;
    }
    if (end == need) {
        commit_or_run_protocol(base + have, need - have);
    }
    marks(base).committed_granules = static_cast<std::uint16_t>(end / kGranule);
}

/// Learns the mark of a buffer that existed before us: the game's own count is exact until our first shrink.
void learn(Addr base, std::uint32_t committed) noexcept {
    BufferMarks& m = marks(base);
    m.committed_granules = std::max(m.committed_granules, static_cast<std::uint16_t>(committed / kGranule));
}

// --- pattern 2 -----------------------------------------------------------------------------------------------------

void MP_FASTCALL grow(game::ScrapHeapManager* /*manager*/, Unused /*edx*/, Addr base, std::uint32_t committed,
                      std::uint32_t add) noexcept {
    count(Count::scrap_requests);
    count(Count::original_kernel_calls);
    if (!has_marks(base) || committed + add > reserved_bytes(base)) {
        commit_or_run_protocol(base + committed, add);  // the original's own behaviour, its endless loop included
        return;
    }
    learn(base, committed);
    if (committed + add > marks(base).committed_granules * kGranule) {
        ensure_committed(base, committed + add);
    }
}

void MP_FASTCALL shrink(game::ScrapHeapManager* /*manager*/, Unused /*edx*/, Addr base, std::uint32_t committed,
                        std::uint32_t drop) noexcept {
    count(Count::scrap_requests);
    count(Count::original_kernel_calls);
    if (!has_marks(base)) {
        kernel::decommit(game::at<void>(base + committed - drop), drop);
        return;
    }
    learn(base, committed);
    if (!memory_is_scarce()) {
        return;
    }
    BufferMarks& m = marks(base);
    const std::uint32_t keep = (committed - drop + kGranule - 1) / kGranule * kGranule;
    const std::uint32_t have = m.committed_granules * kGranule;
    if (keep < have && kernel::decommit(game::at<void>(base + keep), have - keep)) {
        m.committed_granules = static_cast<std::uint16_t>(keep / kGranule);
    }
}

// --- pattern 3 -----------------------------------------------------------------------------------------------------

/// An idle buffer whose reservation holds `size` bytes, the one with most committed memory; 0 when there is none.
Addr take_idle(std::uint32_t size) noexcept {
    const os::ColdLockGuard guard(g_idle.lock);
    if (!g_idle.lock.intact()) {
        return 0;
    }
    std::size_t best = g_idle.count;
    for (std::size_t i = 0; i < g_idle.count; ++i) {
        if (reserved_bytes(g_idle.base[i]) < size) {
            continue;
        }
        if (best == g_idle.count ||
            marks(g_idle.base[i]).committed_granules > marks(g_idle.base[best]).committed_granules) {
            best = i;
        }
    }
    if (best == g_idle.count) {
        return 0;
    }
    const Addr base = g_idle.base[best];
    g_idle.base[best] = g_idle.base[--g_idle.count];
    g_idle.bytes -= reserved_bytes(base);
    return base;
}

enum class Kept : std::uint8_t { yes, already, no };

Kept keep_idle(Addr base) noexcept {
    const os::ColdLockGuard guard(g_idle.lock);
    if (!g_idle.lock.intact()) {
        return Kept::already;
    }
    for (std::size_t i = 0; i < g_idle.count; ++i) {
        if (g_idle.base[i] == base) {
            return Kept::already;
        }
    }
    if (g_idle.count == g_idle.base.size() || g_idle.bytes + reserved_bytes(base) > g_idle_limit) {
        return Kept::no;
    }
    g_idle.bytes += reserved_bytes(base);
    g_idle.base[g_idle.count++] = base;
    return Kept::yes;
}

void release_buffer(Addr base) noexcept {
    const std::uint32_t size = reserved_bytes(base);
    marks(base) = {};
    kernel::release(game::at<void>(base), size);
}

/// A fresh reservation; runs the protocol until there is one (engine contract A.5: NULL must never be returned).
Addr reserve_buffer(std::uint32_t size) noexcept {
    OutOfMemoryProtocol protocol(size);
    void* base = kernel::reserve(size);
    while (base == nullptr) {
        protocol.next_stage();
        base = kernel::reserve(size);
    }
    marks(game::addr_of(base)) = {.committed_granules = 0,
                                  .reserved_granules = static_cast<std::uint16_t>(size / kGranule)};
    return game::addr_of(base);
}

Addr MP_FASTCALL create(game::ScrapHeapManager* /*manager*/, Unused /*edx*/, std::uint32_t size) noexcept {
    count(Count::scrap_buffers_created);
    count(Count::original_kernel_calls, 2);
    // A first size above 8 MB makes the original commit past its reservation for ever; here the reservation follows.
    const std::uint32_t rounded = (size + kGranule - 1) / kGranule * kGranule;
    const std::uint32_t reserve = std::max(rounded, game::kScrapReserve);
    Addr base = take_idle(reserve);
    if (base == 0) {
        base = reserve_buffer(reserve);
    }
    if (marks(base).committed_granules * kGranule < size) {
        ensure_committed(base, std::max(size, kFirstCommit));
    }
    return base;
}

void MP_FASTCALL free_buffer(game::ScrapHeapManager* /*manager*/, Unused /*edx*/, Addr base,
                             std::uint32_t committed) noexcept {
    // The original frees a buffer without the lock when its cache looks full, and then stores or frees it once more
    // under the lock (engine contract B.8). Skipping the first free leaves exactly one decision: the second.
    if (g_unlocked_free_return != 0 && game::addr_of(MP_RETURN_ADDRESS()) == g_unlocked_free_return) {
        return;
    }
    if (base == 0) {
        return;
    }
    count(Count::original_kernel_calls);
    if (!has_marks(base)) {
        kernel::release(game::at<void>(base), 0);
        return;
    }
    learn(base, committed);
    const Kept kept = memory_is_scarce() ? Kept::no : keep_idle(base);
    if (kept == Kept::already) {
        return;
    }
    count(Count::scrap_buffers_freed);
    if (kept == Kept::no) {
        release_buffer(base);
    }
}

// -------------------------------------------------------------------------------------------------------------------

void release_idle_buffers() noexcept {
    for (Addr base = take_idle(0); base != 0; base = take_idle(0)) {
        release_buffer(base);
    }
}

/// True when the first free of ReleaseBuffer is the call that the contract says it is.
bool unlocked_free_is_a_call() noexcept {
    const patch::ProcessImage image;
    const std::uint8_t* call = image.at(game::code::kFreeBufferCallUnlocked, game::kJumpSize);
    if (call == nullptr || call[0] != 0xE8) {
        return false;
    }
    std::uint32_t displacement = 0;
    for (std::uint32_t i = 0; i < 4; ++i) {
        displacement |= static_cast<std::uint32_t>(call[1 + i]) << (8 * i);
    }
    return game::code::kFreeBufferCallUnlocked + game::kJumpSize + displacement == fn::kFreeBuffer.va;
}

}  // namespace

void keep_few_idle_scrap_buffers() noexcept {
    g_idle_limit = game::kScrapReserve;
}

ScrapStack take_scrap_stack() noexcept {
    Addr base = take_idle(kStackReserve);
    if (base == 0) {
        base = game::addr_of(kernel::reserve(kStackReserve));
        if (base == 0) {
            note_refusal();
            return {};
        }
        marks(base) = {.committed_granules = 0, .reserved_granules = kStackReserve / kGranule};
    }
    if (marks(base).committed_granules == 0 && grow_scrap_stack(base, kGranule) == 0) {
        release_buffer(base);
        return {};
    }
    return {.base = base, .committed = marks(base).committed_granules * kGranule};
}

std::uint32_t grow_scrap_stack(Addr base, std::uint32_t wanted) noexcept {
    BufferMarks& m = marks(base);
    const std::uint32_t have = m.committed_granules * kGranule;
    if (!has_marks(base) || wanted > reserved_bytes(base)) {
        return 0;
    }
    const std::uint32_t need = (wanted + kGranule - 1) / kGranule * kGranule;
    const std::uint32_t end = std::min(std::max(need, have * 2), reserved_bytes(base));
    if (!kernel::commit(game::at<void>(base + have), end - have)) {
        note_refusal();
        return 0;
    }
    m.committed_granules = static_cast<std::uint16_t>(end / kGranule);
    return end;
}

void return_scrap_stack(Addr base) noexcept {
    const Kept kept = memory_is_scarce() || !has_marks(base) ? Kept::no : keep_idle(base);
    if (kept == Kept::no) {
        release_buffer(base);
    }
}

void hooks_of::scrap_buffers(patch::Hooks& hooks) noexcept {
    set_idle_memory(&release_idle_buffers);
    g_marks.fill({});  // buffers may have come and gone while an earlier installation was taken out
    g_unlocked_free_return =
        unlocked_free_is_a_call() ? game::code::kFreeBufferCallUnlocked + static_cast<Addr>(game::kJumpSize) : 0;
    hook(hooks, fn::kFreeBuffer, &free_buffer);
    hook(hooks, fn::kShrinkBuffer, &shrink);
    hook(hooks, fn::kGrowBuffer, &grow);
    hook(hooks, fn::kCreateBuffer, &create);
}

}  // namespace mp::replace
