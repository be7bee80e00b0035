#include "plugin/refusals.h"

#include <atomic>
#include <cstdint>
#include <cstdio>

#include "plugin/console.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/version.h"
#include "replace/pressure.h"
#include "session/writer.h"

namespace mp::plugin::refusals {

namespace {

enum class Said : std::uint8_t { nothing, wanted, all };
constinit std::atomic<Said> g_said{Said::nothing};

/// The refused thread's: the game may hold locks, so its console must wait.
void on_refusal(const replace::RefusedRequest& request) noexcept {
    const auto kilobytes = [](std::uint64_t bytes) { return static_cast<unsigned long long>(bytes >> 10); };
    char text[256];
    std::snprintf(
        text, sizeof text,
        "OUT OF MEMORY: thread %u asked for %llu bytes; largest hole %llu KB, allocator has %llu KB committed; "
        "%u further refusals before this one were not written down",
        unsigned{request.thread}, static_cast<unsigned long long>(request.size), kilobytes(request.largest_hole),
        kilobytes(request.committed), unsigned{request.untold});
    log::line("%s", text);
    recorder::note(session::kWarning, text);
    Said nothing = Said::nothing;
    g_said.compare_exchange_strong(nothing, Said::wanted);
}

}  // namespace

void listen() noexcept {
    replace::set_refusal_listener(&on_refusal);
}

void tell_in_console() noexcept {
    if (g_said.load(std::memory_order_relaxed) == Said::wanted) {
        g_said.store(Said::all, std::memory_order_relaxed);
        console::tell(MP_PLUGIN_NAME ": the game has run out of memory; " MP_PLUGIN_NAME ".log says what it asked for");
    }
}

}  // namespace mp::plugin::refusals
