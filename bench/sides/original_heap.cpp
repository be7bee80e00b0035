#include "sides/original.h"

#include <algorithm>
#include <cstdio>

namespace mp::bench::original {
namespace {

constexpr std::uint32_t kHeader = 8;
constexpr std::uint32_t kFree = 0x80000000;
constexpr std::uint32_t kSmallestRemainder = 16;
constexpr std::uint32_t kLargestBinned = 4096;
constexpr std::uint32_t kBinsPerGroup = 64;
constexpr std::size_t kStep = 64 * 1024;

std::uint32_t payload(const HeapBlock* block) {
    return block->size & ~kFree;
}
bool is_free(const HeapBlock* block) {
    return (block->size & kFree) != 0;
}
char* user_of(HeapBlock* block) {
    return reinterpret_cast<char*>(block) + kHeader;
}
HeapBlock* at(char* address) {
    return reinterpret_cast<HeapBlock*>(static_cast<void*>(address));
}
std::uint32_t bin_index(std::uint32_t size) {
    return size / 4 - 1;
}
std::uint32_t group_of(std::uint32_t size) {
    return bin_index(size) / kBinsPerGroup;
}
std::size_t round_down(std::size_t size) {
    return size & ~(kStep - 1);
}

}  // namespace

bool Heap::open(std::size_t reserve_bytes, std::size_t first_commit) {
    base_ = reserve(0, reserve_bytes);
    if (base_ == nullptr || !commit(base_, first_commit)) {
        return false;
    }
    reserve_bytes_ = reserve_bytes;
    first_commit_ = first_commit;
    committed_ = first_commit;
    return true;
}

std::uint32_t Heap::size_of(const void* user) {
    return *(static_cast<const std::uint32_t*>(user) - 1) & ~kFree;
}

Heap::Bin& Heap::list_of(std::uint32_t size) {
    return size <= kLargestBinned ? bins_[bin_index(size)] : large_;
}

HeapBlock* Heap::next_block(const HeapBlock* block) const {
    if (block == last_) {
        return nullptr;
    }
    auto* const bytes = reinterpret_cast<char*>(const_cast<HeapBlock*>(block));  // NOLINT(*-const-cast)
    return at(bytes + kHeader + payload(block));
}

// Engine contract B.6: the lists are unsorted, a freed block goes to the end.
void Heap::insert_free(HeapBlock* block) {
    Bin& list = list_of(payload(block));
    block->size |= kFree;
    block->previous_free = list.tail;
    block->next_free = nullptr;
    (list.tail != nullptr ? list.tail->next_free : list.head) = block;
    list.tail = block;
    if (payload(block) <= kLargestBinned) {
        ++free_in_group_[group_of(payload(block))];
    }
}

void Heap::remove_free(HeapBlock* block) {
    Bin& list = list_of(payload(block));
    (block->previous_free != nullptr ? block->previous_free->next_free : list.head) = block->next_free;
    (block->next_free != nullptr ? block->next_free->previous_free : list.tail) = block->previous_free;
    if (payload(block) <= kLargestBinned) {
        --free_in_group_[group_of(payload(block))];
    }
    block->size &= ~kFree;
}

// Engine contract B.6: group by group, the first bin with a block that leaves a remainder.
Heap::Bin* Heap::find_larger_bin(std::uint32_t size) {
    const std::uint32_t wanted = size + kSmallestRemainder;
    if (wanted > kLargestBinned) {
        return nullptr;
    }
    for (std::uint32_t group = group_of(wanted); group < kGroups; ++group) {
        if (free_in_group_[group] == 0) {
            continue;
        }
        for (std::uint32_t i = std::max(bin_index(wanted), group * kBinsPerGroup); i < (group + 1) * kBinsPerGroup;
             ++i) {
            if (bins_[i].tail != nullptr) {
                return &bins_[i];
            }
        }
    }
    return nullptr;
}

Heap::Bin& Heap::choose_list(std::uint32_t size) {
    Bin& own = list_of(size);
    if (own.tail != nullptr || size > kLargestBinned) {
        return own;
    }
    Bin* const larger = find_larger_bin(size);
    return larger != nullptr ? *larger : large_;
}

HeapBlock* Heap::take(HeapBlock* block, std::uint32_t size) {
    remove_free(block);
    if (payload(block) == size) {
        return block;
    }
    HeapBlock* const after = next_block(block);
    HeapBlock* const rest = at(user_of(block) + size);
    rest->previous = block;
    rest->size = payload(block) - (size + kHeader);
    (after != nullptr ? after->previous : last_) = rest;
    block->size = size;
    insert_free(rest);
    coalesce(rest);
    return block;
}

// Engine contract B.6: a block at the end costs a kernel call and a formatted message, on committed memory as well.
HeapBlock* Heap::extend(std::uint32_t size) {
    const std::size_t need = std::size_t{size} + kHeader;
    const std::size_t new_end = end_ + need;
    if (new_end > committed_ && new_end <= reserve_bytes_) {
        const std::size_t bytes = std::min(round_down(need + kStep), reserve_bytes_ - committed_);
        committed_ += commit(base_ + committed_, bytes) ? bytes : 0;
    }
    if (new_end > committed_) {
        return nullptr;
    }
    const std::size_t page = end_ & ~(kPage - 1);
    commit(base_ + page, new_end - page);
    char message[128];
    std::snprintf(static_cast<char*>(message), sizeof message, "Default Heap: block of %u bytes at %08zX of %zu", size,
                  end_, committed_);
    HeapBlock* const block = at(base_ + end_);
    block->previous = last_;
    block->size = size;
    last_ = block;
    end_ = new_end;
    return block;
}

void Heap::merge(HeapBlock* block, HeapBlock* next) {
    HeapBlock* const after = next_block(next);
    remove_free(block);
    remove_free(next);
    block->size += kHeader + payload(next);
    (after != nullptr ? after->previous : last_) = block;
    insert_free(block);
}

void Heap::coalesce(HeapBlock* block) {
    while (block->previous != nullptr && is_free(block->previous)) {
        HeapBlock* const previous = block->previous;
        merge(previous, block);
        block = previous;
    }
    for (HeapBlock* next = next_block(block); next != nullptr && is_free(next); next = next_block(block)) {
        merge(block, next);
    }
}

// Engine contract B.6: the end falls over free blocks, the committed tail follows in steps of 64 KB.
void Heap::trim() {
    while (last_ != nullptr && is_free(last_)) {
        HeapBlock* const last = last_;
        remove_free(last);
        end_ -= kHeader + payload(last);
        last_ = last->previous;
    }
    const std::size_t surplus = round_down(committed_ - std::max(end_, first_commit_));
    if (committed_ > first_commit_ && surplus >= kStep && decommit(base_ + committed_ - surplus, surplus)) {
        committed_ -= surplus;
    }
}

void* Heap::allocate(std::uint32_t size) {
    if (size >= kFree - kStep) {
        return nullptr;
    }
    const std::uint32_t n = size <= 8 ? 8 : (size + 3) & ~3U;
    const std::lock_guard guard(lock_);
    HeapBlock* found = choose_list(n).head;
    while (found != nullptr && payload(found) != n && payload(found) < n + kSmallestRemainder) {
        found = found->next_free;
    }
    found = found != nullptr ? take(found, n) : extend(n);
    return found != nullptr ? user_of(found) : nullptr;
}

void Heap::free(void* user) {
    const std::lock_guard guard(lock_);
    HeapBlock* const block = at(static_cast<char*>(user) - kHeader);
    insert_free(block);
    coalesce(block);
    trim();
}

}  // namespace mp::bench::original
