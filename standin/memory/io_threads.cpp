// What the three helpers of the IOManager reach: an IO thread's semaphore.
#include "io_threads.h"

#include <windows.h>

#include "engine.h"

using namespace mp::standin;

namespace mp::standin {

IoThreads::IoThreads(std::uint32_t count) : before_(*at<game::Ptr32>(game::data::kIoManager)) {
    manager_.thread_count = count;
    manager_.threads = addr_of(slots_.data());
    for (std::uint32_t i = 0; i < count && i < slots_.size(); ++i) {
        slots_[i] = addr_of(&threads_[i]);
    }
    *at<game::Ptr32>(game::data::kIoManager) = addr_of(&manager_);
}

IoThreads::~IoThreads() {
    *at<game::Ptr32>(game::data::kIoManager) = before_;
}

void IoThreads::take(std::uint32_t index) {
    const std::uint32_t self = GetCurrentThreadId();
    for (std::uint32_t nobody = 0; !threads_[index].owner.compare_exchange_strong(nobody, self); nobody = 0) {
        Sleep(1);
    }
}

}  // namespace mp::standin

extern "C" {

std::uint32_t eng_00867100(IoThread* self) {
    return self->owner.load();
}

void eng_00867120(IoThread* self) {
    self->releases.fetch_add(1);
    self->owner.store(0);
}

void eng_00867140(IoThread* self) {
    self->idle_signals.fetch_add(1);
}

}  // extern "C"
