#include "sides/original.h"

#include <cstdlib>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

namespace mp::bench::original {
namespace {

constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
constexpr std::int16_t kUncommitted = -1;
constexpr std::uint32_t kYieldingTries = 10'000;
constexpr std::uint32_t kArenaTries = 255;

std::uint32_t this_thread() {
    thread_local const auto number = static_cast<std::uint32_t>(gettid());
    return number;
}

}  // namespace

char* reserve(std::uintptr_t at, std::size_t size) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* const wanted = reinterpret_cast<void*>(at);
    void* const got = mmap(wanted, size, PROT_NONE, kPrivate | (at != 0 ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    return got == MAP_FAILED ? nullptr : static_cast<char*>(got);
}

bool commit(void* address, std::size_t size) {
    return mprotect(address, size, PROT_READ | PROT_WRITE) == 0;
}

bool decommit(void* address, std::size_t size) {
    return mmap(address, size, PROT_NONE, kPrivate | MAP_FIXED, -1, 0) != MAP_FAILED;
}

// Engine contract B.4.
void SpinLock::lock() {
    const std::uint32_t me = this_thread();
    if (owner_.load(std::memory_order_relaxed) == me) {
        ++depth_;
        return;
    }
    std::uint32_t nobody = 0;
    for (std::uint32_t tries = 0; !owner_.compare_exchange_strong(nobody, me, std::memory_order_acq_rel); ++tries) {
        nobody = 0;
        if (tries < kYieldingTries) {
            sched_yield();
        } else {
            usleep(1000);
        }
    }
    depth_ = 1;
}

void SpinLock::unlock() {
    if (--depth_ == 0) {
        owner_.store(0, std::memory_order_release);
    }
}

// Engine contract A.7 and B.3: address hunting from 16 MB upwards, in steps of 16 MB.
bool Pool::open(std::uint32_t block_size, std::size_t arena_bytes) {
    block_size_ = block_size;
    pages_ = static_cast<std::uint32_t>(arena_bytes / kPage);
    page_live_ = static_cast<std::int16_t*>(std::malloc(pages_ * sizeof(std::int16_t)));
    for (std::uint32_t n = 1; n <= kArenaTries && arena_ == nullptr; ++n) {
        arena_ = reserve(n * kArenaAlignment, arena_bytes);
    }
    if (page_live_ == nullptr || arena_ == nullptr) {
        return false;
    }
    for (std::uint32_t i = 0; i < pages_; ++i) {
        page_live_[i] = kUncommitted;
    }
    arena_bytes_ = arena_bytes;
    return true;
}

std::int16_t& Pool::live_on_page_of(const void* block) {
    return page_live_[static_cast<std::size_t>(static_cast<const char*>(block) - arena_) / kPage];
}

// Engine contract B.3: a linear scan for a page that is not committed; one page at a time, under the lock.
bool Pool::add_page() {
    std::uint32_t index = 0;
    while (index < pages_ && page_live_[index] != kUncommitted) {
        ++index;
    }
    if (index == pages_ || !commit(arena_ + index * kPage, kPage)) {
        return false;
    }
    page_live_[index] = 0;
    for (std::uint32_t i = 0; i < kPage / block_size_; ++i) {
        push(arena_ + index * kPage + std::size_t{i} * block_size_);
    }
    return true;
}

void Pool::push(void* block) {
    auto* const link = static_cast<PoolLink*>(block);
    link->previous = nullptr;
    link->next = head_;
    if (head_ != nullptr) {
        head_->previous = link;
    }
    head_ = link;
}

PoolLink* Pool::pop() {
    PoolLink* const block = head_;
    head_ = block->next;
    if (head_ != nullptr) {
        head_->previous = nullptr;
    }
    return block;
}

// Engine contract B.3.
void* Pool::allocate() {
    lock_.lock();
    void* block = nullptr;
    if (head_ != nullptr || add_page()) {
        block = pop();
        ++live_on_page_of(block);
    }
    lock_.unlock();
    return block;
}

void Pool::free(void* block) {
    lock_.lock();
    push(block);
    --live_on_page_of(block);
    lock_.unlock();
}

}  // namespace mp::bench::original
