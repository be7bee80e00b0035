#include "replace/borders.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <type_traits>

#include "alloc/mp_alloc.h"
#include "game/functions.h"
#include "game/layouts.h"
#include "os/compiler.h"
#include "os/os.h"
#include "replace/diagnosis.h"
#include "replace/hook.h"

namespace mp::replace::borders {

namespace {

using game::MemoryHeap;
using game::MemoryManager;

// --- the border ------------------------------------------------------------------------------------------------------

// [size bytes of the block][at least 8 bytes of kFilling][size, twice: plain and complemented, both mixed]
constexpr std::uint32_t kBorder = 16;  ///< at least; a multiple of 16 keeps the alignment that a size promises
constexpr std::uint8_t kFilling = 0xBD;
constexpr std::uint32_t kFilled = 32;  ///< bytes at most that are filled
constexpr std::uint32_t kLargestRequest = 0xFFFFFFE0 - kBorder;
constexpr std::uint32_t kLookAgainMs = 100;

struct Record {
    std::uint32_t plain;
    std::uint32_t complement;
};

std::uint32_t mixed(const void* block) noexcept {
    return game::addr_of(block) ^ 0x5EB0DE5Au;
}

/// What a border says.
struct Border {
    std::uint32_t size = 0;  ///< of the block
    bool is_known = false;   ///< the size, by at least one of its two notes
    bool is_whole = false;
};

std::uint32_t filled(std::uint32_t size, std::uint32_t usable) noexcept {
    return std::min<std::uint32_t>(kFilled, usable - size - sizeof(Record));
}

/// Of what the allocator gives, no more than half was not asked for (a block that shrank where it is), or its steps.
bool is_plausible(std::uint32_t size, std::uint32_t usable) noexcept {
    const std::uint32_t most = usable - kBorder;
    return size <= most && most - size <= usable / 2 + 512;
}

Border read(const std::uint8_t* block, std::uint32_t usable) noexcept {
    Border border{.size = usable};
    if (usable < kBorder) {
        return border;
    }
    Record record;
    std::memcpy(&record, block + usable - sizeof record, sizeof record);
    const std::uint32_t plain = record.plain ^ mixed(block);
    const std::uint32_t complement = ~(record.complement ^ mixed(block));
    border.is_known = is_plausible(plain, usable) || is_plausible(complement, usable);
    if (border.is_known) {
        border.size = is_plausible(plain, usable) ? plain : complement;
        const std::uint8_t* const end = block + border.size;
        border.is_whole = plain == complement && std::all_of(end, end + filled(border.size, usable),
                                                             [](std::uint8_t byte) { return byte == kFilling; });
    }
    return border;
}

/// 0 for what is no live block of ours.
std::uint32_t usable_of(const void* block) noexcept {
    return static_cast<std::uint32_t>(mp_usable_size(block));
}

/// Gives a fresh block of ours its border; any other pointer is left alone.
void* with_border(void* block, std::uint32_t size) noexcept {
    const std::uint32_t usable = usable_of(block);
    if (usable < kBorder || usable - kBorder < size) {
        return block;
    }
    auto* const bytes = static_cast<std::uint8_t*>(block);
    std::memset(bytes + size, kFilling, filled(size, usable));
    const Record record{.plain = size ^ mixed(block), .complement = ~size ^ mixed(block)};
    std::memcpy(bytes + usable - sizeof record, &record, sizeof record);
    return block;
}

constexpr std::uint32_t with_room(std::uint32_t size) noexcept {
    return size > kLargestRequest ? size : size + kBorder;
}

/// Size of a block of ours as it was asked for; 0 for any other pointer.
std::uint32_t asked_size(const void* block) noexcept {
    const std::uint32_t usable = usable_of(block);
    return usable != 0 ? read(static_cast<const std::uint8_t*>(block), usable).size : 0;
}

// --- damage ----------------------------------------------------------------------------------------------------------

constinit std::atomic<Listener> g_listener{nullptr};

Block describe(const std::uint8_t* address) noexcept {
    Block block;
    if (const std::uint32_t usable = usable_of(address); usable != 0) {
        block.address = reinterpret_cast<std::uintptr_t>(address);
        block.size = read(address, usable).size;
        std::memcpy(&block.first_word, address, sizeof block.first_word);
    }
    return block;
}

/// Blocks of one size lie side by side.
Damage damage_of(const std::uint8_t* block, std::uint32_t usable, const Border& border) noexcept {
    Damage damage{.block = describe(block), .before = describe(block - usable), .behind = describe(block + usable)};
    const std::uint32_t end = border.is_known ? border.size : usable - kBorder;  // a guess, near the truth
    const std::uint32_t rest = usable - end;
    const std::uint32_t filling = filled(end, usable);
    const auto is_other = [block, end, filling](std::uint32_t i) { return i >= filling || block[end + i] != kFilling; };
    while (damage.first < filling && !is_other(damage.first)) {
        ++damage.first;
    }
    std::uint32_t last = filling;  // the record is all that is wrong
    while (last > damage.first && !is_other(last - 1)) {
        --last;
    }
    damage.count = std::max<std::uint32_t>(last - damage.first, 1);
    const std::uint32_t shown = std::min<std::uint32_t>(damage.written.size(), rest - damage.first);
    std::memcpy(damage.written.data(), block + end + damage.first, shown);
    return damage;
}

MP_NOINLINE void tell(Door door, const std::uint8_t* block, std::uint32_t usable, const Border& border,
                      const char* deed, const void* caller, const void* frame) noexcept {
    if (const Listener listener = g_listener.load(std::memory_order_acquire); listener != nullptr) {
        listener(damage_of(block, usable, border), deed, moment_of(door, caller, frame));
    }
}

/// Looks at the border of an ordinary live block of ours and takes it away: memory that is handed out again, perhaps
/// without a border, must not seem to have one. The size that was asked for; nothing for any other pointer.
MP_ALWAYS_INLINE std::optional<std::uint32_t> take_border(Door door, void* block, const char* deed, const void* caller,
                                                          const void* frame) noexcept {
    const std::uint32_t usable = usable_of(block);
    if (usable == 0) {
        return std::nullopt;
    }
    auto* const bytes = static_cast<std::uint8_t*>(block);
    const Border border = read(bytes, usable);
    if (!border.is_whole) [[unlikely]] {
        tell(door, bytes, usable, border, deed, caller, frame);
    }
    if (border.is_known) {
        std::memset(bytes + usable - sizeof(Record), 0, sizeof(Record));
    }
    return border.size;
}

/// Whether the door inside is to free the pointer: a block of ours, whose border is then taken, or the original's.
MP_ALWAYS_INLINE bool goes_inside(Door door, void* block, const void* caller, const void* frame) noexcept {
    return block != nullptr && (take_border(door, block, "free", caller, frame) || !free_other(door, block, caller));
}

/// The result of a resize with its border; of one that failed, the block with the one that was taken.
void* after_resize(void* resized, std::uint32_t size, void* block, std::optional<std::uint32_t> before) noexcept {
    if (resized == nullptr && before) {
        with_border(block, *before);
    }
    return with_border(resized, size);
}

// --- the doors -------------------------------------------------------------------------------------------------------

// Each asks the one that would stand there without borders.

template <const auto& kFunction>
using Replacement = std::remove_cvref_t<decltype(kFunction)>::Replacement;
template <const auto& kFunction>
constinit Replacement<kFunction> g_inner = nullptr;

void* MP_FASTCALL allocate(MemoryManager* manager, Unused edx, std::uint32_t size) noexcept {
    const void* const caller = MP_RETURN_ADDRESS();
    if (void* block = guarded_in_turn(Door::game_heap, size, caller, MP_FRAME_ADDRESS()); block != nullptr)
        [[unlikely]] {
        return block;
    }
    return with_border(g_inner<fn::kAllocate>(manager, edx, with_room(size)), size);
}

void MP_FASTCALL release(MemoryManager* manager, Unused edx, void* block) noexcept {
    if (goes_inside(Door::game_heap, block, MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS())) {
        g_inner<fn::kFree>(manager, edx, block);
    }
}

std::uint32_t MP_FASTCALL size_of(MemoryManager* manager, Unused edx, const void* block) noexcept {
    const std::uint32_t size = asked_size(block);
    return size != 0 ? size : g_inner<fn::kSize>(manager, edx, block);
}

template <const auto& kFunction>
void* MP_FASTCALL reallocate(MemoryManager* manager, Unused edx, void* block, std::uint32_t size) noexcept {
    const auto before = take_border(Door::game_heap, block, "resize", MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS());
    return after_resize(g_inner<kFunction>(manager, edx, block, with_room(size)), size, block, before);
}

template <const auto& kFunction>
void* MP_CDECL crt_allocate(std::uint32_t size) noexcept {
    void* const block = guarded_in_turn(Door::crt_heap, size, MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS());
    return block != nullptr ? block : with_border(g_inner<kFunction>(with_room(size)), size);
}

template <const auto& kFunction>
void* MP_CDECL crt_allocate_zeroed(std::uint32_t amount, std::uint32_t size) noexcept {
    const std::uint64_t product = std::uint64_t{amount} * size;
    if (product > kLargestRequest) {
        return g_inner<kFunction>(amount, size);
    }
    const auto total = static_cast<std::uint32_t>(product);
    void* const block = guarded_in_turn(Door::crt_heap, total, MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS());
    return block != nullptr ? block : with_border(g_inner<kFunction>(1, with_room(total)), total);
}

template <const auto& kFunction>
void* MP_CDECL crt_resize(void* block, std::uint32_t size) noexcept {
    const auto before = take_border(Door::crt_heap, block, "resize", MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS());
    if (block != nullptr && size == 0) {  // a free
        return g_inner<kFunction>(block, 0);
    }
    return after_resize(g_inner<kFunction>(block, with_room(size)), size, block, before);
}

template <const auto& kFunction>
void* MP_CDECL crt_resize_zeroed(void* block, std::uint32_t amount, std::uint32_t size) noexcept {
    const std::uint64_t product = std::uint64_t{amount} * size;
    if (product > kLargestRequest) {  // refused
        return g_inner<kFunction>(block, amount, size);
    }
    const auto before = take_border(Door::crt_heap, block, "resize", MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS());
    if (block != nullptr && product == 0) {  // a free
        return g_inner<kFunction>(block, amount, size);
    }
    const auto total = static_cast<std::uint32_t>(product);
    void* const resized = after_resize(g_inner<kFunction>(block, 1, with_room(total)), total, block, before);
    if (resized != nullptr && before && *before < total) {  // where the border was
        std::memset(static_cast<std::uint8_t*>(resized) + *before, 0, total - *before);
    }
    return resized;
}

std::uint32_t MP_CDECL crt_size_of(const void* block) noexcept {
    const std::uint32_t size = asked_size(block);
    return size != 0 ? size : g_inner<fn::kCrtMsize>(block);
}

void MP_CDECL crt_release(void* block) noexcept {
    if (goes_inside(Door::crt_heap, block, MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS())) {
        g_inner<fn::kCrtFree>(block);
    }
}

void* MP_FASTCALL heap_allocate(MemoryHeap* heap, Unused edx, std::uint32_t bytes) noexcept {
    if (bytes > game::HeapBlock::kSizeMask - kBorder) {
        return g_inner<fn::kHeapAllocate>(heap, edx, bytes);
    }
    return with_border(g_inner<fn::kHeapAllocate>(heap, edx, with_room(bytes)), bytes);
}

void MP_FASTCALL heap_release(MemoryHeap* heap, Unused edx, void* block, std::uint32_t unused) noexcept {
    if (goes_inside(Door::heap_blocks, block, MP_RETURN_ADDRESS(), MP_FRAME_ADDRESS())) {
        g_inner<fn::kHeapFree>(heap, edx, block, unused);
    }
}

std::uint32_t MP_FASTCALL heap_size_of(MemoryHeap* heap, Unused edx, const void* block, std::uint32_t unused) noexcept {
    const std::uint32_t size = asked_size(block);
    return size != 0 ? size : g_inner<fn::kHeapBlockSize>(heap, edx, block, unused);
}

std::uint32_t MP_FASTCALL heap_size_with_header(MemoryHeap* heap, Unused edx, const void* block) noexcept {
    const std::uint32_t size = asked_size(block);
    return size != 0 ? size + game::kHeapHeaderSize : g_inner<fn::kHeapBlockSizeWithHeader>(heap, edx, block);
}

template <const auto& kFunction>
void wrap_one(patch::Hooks& hooks, Replacement<kFunction> bordered) noexcept {
    if (patch::Hook* const hook = hooks.find(kFunction.va); hook != nullptr) {
        g_inner<kFunction> = reinterpret_cast<Replacement<kFunction>>(const_cast<void*>(hook->replacement));
        hook->replacement = code(bordered);
    }
}

// --- looking ---------------------------------------------------------------------------------------------------------

/// The blocks beside it may be others by now.
bool is_same(const Damage& one, const Damage& other) noexcept {
    return one.block.address == other.block.address && one.first == other.first && one.count == other.count &&
           one.written == other.written;
}

struct Looked {
    std::span<Damage> found;
    std::size_t count = 0;
    std::uint32_t blocks = 0;

    static void take(void* block, std::size_t size, void* looked) noexcept {
        auto& self = *static_cast<Looked*>(looked);
        const auto* const bytes = static_cast<const std::uint8_t*>(block);
        const auto usable = static_cast<std::uint32_t>(size);
        const Border border = read(bytes, usable);
        self.blocks += border.is_known ? 1 : 0;
        if (border.is_known && !border.is_whole && self.count < self.found.size()) {
            self.found[self.count++] = damage_of(bytes, usable, border);
        }
    }
};

}  // namespace

void wrap(patch::Hooks& hooks) noexcept {
    if (!has_borders()) {
        return;
    }
    wrap_one<fn::kAllocate>(hooks, &allocate);
    wrap_one<fn::kFree>(hooks, &release);
    wrap_one<fn::kSize>(hooks, &size_of);
    wrap_one<fn::kReallocate1>(hooks, &reallocate<fn::kReallocate1>);
    wrap_one<fn::kReallocate2>(hooks, &reallocate<fn::kReallocate2>);
    wrap_one<fn::kCrtMalloc>(hooks, &crt_allocate<fn::kCrtMalloc>);
    wrap_one<fn::kCrtMallocCrt>(hooks, &crt_allocate<fn::kCrtMallocCrt>);
    wrap_one<fn::kCrtCalloc>(hooks, &crt_allocate_zeroed<fn::kCrtCalloc>);
    wrap_one<fn::kCrtCallocCrt>(hooks, &crt_allocate_zeroed<fn::kCrtCallocCrt>);
    wrap_one<fn::kCrtRealloc>(hooks, &crt_resize<fn::kCrtRealloc>);
    wrap_one<fn::kCrtReallocCrt>(hooks, &crt_resize<fn::kCrtReallocCrt>);
    wrap_one<fn::kCrtRecalloc>(hooks, &crt_resize_zeroed<fn::kCrtRecalloc>);
    wrap_one<fn::kCrtRecallocCrt>(hooks, &crt_resize_zeroed<fn::kCrtRecallocCrt>);
    wrap_one<fn::kCrtMsize>(hooks, &crt_size_of);
    wrap_one<fn::kCrtFree>(hooks, &crt_release);
    wrap_one<fn::kHeapAllocate>(hooks, &heap_allocate);
    wrap_one<fn::kHeapFree>(hooks, &heap_release);
    wrap_one<fn::kHeapBlockSize>(hooks, &heap_size_of);
    wrap_one<fn::kHeapBlockSizeWithHeader>(hooks, &heap_size_with_header);
}

void set_listener(Listener listener) noexcept {
    g_listener.store(listener, std::memory_order_release);
}

std::size_t look(std::span<Damage> found, std::uint32_t& looked_at) noexcept {
    Looked first{.found = found};
    mp_each_small_block(&Looked::take, &first);
    looked_at = first.blocks;
    static constinit std::array<Damage, 64> again;  // one thread at a time
    for (int i = 0; i < 2 && first.count != 0; ++i) {
        os::sleep_ms(kLookAgainMs);
        Looked later{.found = again};
        mp_each_small_block(&Looked::take, &later);
        const auto stayed = std::span(again).first(later.count);
        const auto end = std::remove_if(
            found.begin(), found.begin() + static_cast<std::ptrdiff_t>(first.count), [stayed](const Damage& one) {
                return std::ranges::none_of(stayed, [&one](const Damage& other) { return is_same(one, other); });
            });
        first.count = static_cast<std::size_t>(end - found.begin());
    }
    return first.count;
}

}  // namespace mp::replace::borders
