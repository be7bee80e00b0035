// A cold lock that outlives its holders: when the process ends, the system has killed the other threads wherever they
// stood, perhaps inside the lock. From then on there is one thread and nothing to lock.
#pragma once

#include "os/os.h"

namespace mp::alloc {

class ProcessLock {
public:
    void lock() noexcept {
        if (!alone_) {
            lock_.lock();
        }
    }
    void unlock() noexcept {
        if (!alone_) {
            lock_.unlock();
        }
    }
    /// Called by the last thread. False when a dead one held the lock: what it guards may be half changed.
    bool process_end() noexcept {
        if (!alone_) {
            alone_ = true;
            intact_ = lock_.try_lock();
        }
        return intact_;
    }

private:
    os::ColdLock lock_;
    bool alone_ = false;
    bool intact_ = true;
};

class ProcessLockGuard {
public:
    explicit ProcessLockGuard(ProcessLock& lock) noexcept : lock_(lock) { lock_.lock(); }
    ~ProcessLockGuard() { lock_.unlock(); }
    ProcessLockGuard(const ProcessLockGuard&) = delete;
    ProcessLockGuard& operator=(const ProcessLockGuard&) = delete;

private:
    ProcessLock& lock_;
};

}  // namespace mp::alloc
