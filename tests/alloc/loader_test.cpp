// The loader's lock: a thread that ends holds it and wants the heaps' lock, so nobody who holds a lock of ours may want
// the loader's. Where that does not hold, a test here never ends.
#include "support.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include <windows.h>

namespace {

using namespace mp;

/// The loader's lock, as the system takes it to tell modules of a thread's end.
class LoaderLock {
public:
    LoaderLock() { call<Lock>("LdrLockLoaderLock")(0, nullptr, &cookie_); }
    ~LoaderLock() { call<Unlock>("LdrUnlockLoaderLock")(0, cookie_); }
    LoaderLock(const LoaderLock&) = delete;
    LoaderLock& operator=(const LoaderLock&) = delete;

private:
    using Lock = LONG(NTAPI*)(ULONG flags, ULONG* state, ULONG_PTR* cookie);
    using Unlock = LONG(NTAPI*)(ULONG flags, ULONG_PTR cookie);
    template <typename Function>
    static Function call(const char* name) {
        return reinterpret_cast<Function>(
            reinterpret_cast<void (*)()>(GetProcAddress(GetModuleHandleA("ntdll.dll"), name)));
    }
    ULONG_PTR cookie_ = 0;
};

/// Of this thread alone: the others, whose first block may come at that moment, are refused nothing.
thread_local bool t_refuses = false;

bool refuse(os::Call call, void* /*context*/) {
    return call == os::Call::reserve && t_refuses;
}

/// After a refusal the next reservation looks at the free address space.
void make_a_look_due() {
    t_refuses = true;
    EXPECT_EQ(mp_malloc(std::size_t{300} << 20), nullptr);
    t_refuses = false;
}

constexpr std::size_t kReservation = std::size_t{16} << 20;

/// Everything that asks the system for something; a reservation is made in the course of each part.
void use_everything() {
    std::vector<void*> blocks;
    make_a_look_due();
    for (std::size_t at = 0; at < kReservation; at += 1000) {
        blocks.push_back(mp_malloc(1000));
    }
    make_a_look_due();
    blocks.push_back(mp_malloc(2 * kReservation));
    mp_trim(0);
    for (void* const block : blocks) {
        EXPECT_EQ(mp_free(block), 1);
    }
    mp_trim(0);
}

TEST(Loader, NoCallOfTheAllocatorWaitsForItsLock) {
    os::set_fault_hook(&refuse, nullptr);
    std::atomic<int> waiting{0};
    std::atomic<bool> go{false};
    std::atomic<int> done{0};
    std::array<std::thread, 20> threads;  // more heaps than one reservation for heaps holds
    for (std::thread& thread : threads) {
        thread = std::thread([&, is_first = &thread == threads.data()] {
            ++waiting;
            while (!go) {
                os::sleep_ms(1);
            }
            EXPECT_EQ(mp_free(mp_malloc(10)), 1);
            if (is_first) {
                use_everything();
            }
            mp_thread_end();
            ++done;
        });
    }
    while (waiting != static_cast<int>(threads.size())) {
        os::sleep_ms(1);
    }
    {
        const LoaderLock held;
        go = true;
        while (done != static_cast<int>(threads.size())) {
            os::sleep_ms(1);
        }
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    os::set_fault_hook(nullptr, nullptr);
}

}  // namespace
