#include "plugin/give_back.h"

#include <atomic>

#include "alloc/mp_alloc.h"
#include "os/background.h"
#include "os/os.h"
#include "plugin/log.h"
#include "replace/original_calls.h"

namespace mp::plugin::give_back {

namespace {

constexpr std::uint32_t kIntervalMs = 1000;
constexpr std::uint32_t kMsASecond = 1000;

constinit std::atomic<std::uint32_t> g_delay_ms{10 * kMsASecond};
constinit bool g_started = false;

void run() noexcept {
    while (true) {
        os::sleep_ms(kIntervalMs);
        replace::original::look_at_live_blocks();
        mp_give_back(g_delay_ms.load(std::memory_order_relaxed));
    }
}

}  // namespace

void start() noexcept {
    if (g_started) {
        return;
    }
    g_started = os::start_background_thread([] { run(); });
    if (!g_started) {
        log::line("no thread to give memory back: free memory is kept until the system refuses some");
    }
}

void set_delay(std::uint32_t seconds) noexcept {
    g_delay_ms.store(seconds * kMsASecond, std::memory_order_relaxed);
}

}  // namespace mp::plugin::give_back
