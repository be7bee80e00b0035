#include "replace/quarantine.h"

#include <algorithm>
#include <atomic>

#include "alloc/mp_alloc.h"
#include "os/compiler.h"
#include "os/os.h"

namespace mp::replace {

namespace {

/// A ring of blocks in the order of their frees. Lives in pages of its own, so that it costs nothing until a thread
/// frees something.
struct Queue {
    std::uint32_t length;
    std::uint32_t next;
    void* blocks[kLongestQuarantine];
};

constinit std::atomic<std::uint32_t> g_length{0};
thread_local constinit Queue* t_queue = nullptr;

void free_all(Queue& queue) noexcept {
    for (std::uint32_t i = 0; i < queue.length; ++i) {
        if (void* block = queue.blocks[i]; block != nullptr) {
            mp_free(block);
        }
        queue.blocks[i] = nullptr;
    }
    queue.next = 0;
}

/// The calling thread's queue at the wanted length; nullptr when it is switched off or there is no memory for one.
MP_NOINLINE Queue* prepare_queue(std::uint32_t length) noexcept {
    if (t_queue != nullptr) {
        free_all(*t_queue);
    } else if (length != 0) {
        t_queue = static_cast<Queue*>(mp_calloc(1, sizeof(Queue)));
    }
    if (t_queue != nullptr) {
        t_queue->length = length;
    }
    return length != 0 ? t_queue : nullptr;
}

}  // namespace

void set_quarantine_length(std::uint32_t blocks) noexcept {
    g_length.store(std::min(blocks, kLongestQuarantine), std::memory_order_relaxed);
}

std::uint32_t quarantine_length() noexcept {
    return g_length.load(std::memory_order_relaxed);
}

void* quarantine(void* block) noexcept {
    const std::uint32_t length = g_length.load(std::memory_order_relaxed);
    Queue* queue = t_queue;
    if (queue == nullptr && length == 0) {
        return block;
    }
    if (queue == nullptr || queue->length != length) [[unlikely]] {
        queue = prepare_queue(length);
        if (queue == nullptr) {
            return block;
        }
    }
    const std::size_t size = length != 0 ? mp_size_class(block) : 0;
    if (size == 0 || size > kLargestQuarantined) {
        return block;
    }
    void* const oldest = queue->blocks[queue->next];
    queue->blocks[queue->next] = block;
    queue->next = queue->next + 1 == length ? 0 : queue->next + 1;
    return oldest;
}

void release_thread_quarantine() noexcept {
    if (t_queue == nullptr) {
        return;
    }
    free_all(*t_queue);
    mp_free(t_queue);
    t_queue = nullptr;
}

}  // namespace mp::replace
