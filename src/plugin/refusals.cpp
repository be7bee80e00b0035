#include "plugin/refusals.h"

#include <atomic>
#include <cstdint>
#include <cstdio>

#include "plugin/console.h"
#include "plugin/log.h"
#include "plugin/recorder.h"
#include "plugin/tell.h"
#include "plugin/version.h"
#include "replace/pressure.h"
#include "session/writer.h"

namespace mp::plugin::refusals {

namespace {

constinit std::atomic<bool> g_said{false};

/// The refused thread's: the game may hold locks, so its console must wait.
void on_refusal(const replace::RefusedRequest& request) noexcept {
    char text[256];
    std::snprintf(text, sizeof text,
                  "OUT OF MEMORY: thread %u asked for %s bytes; largest hole %s KB, allocator has %s KB committed; "
                  "%u further refusals before this one were not written down",
                  unsigned{request.thread}, Grouped(request.size).text, Grouped(request.largest_hole >> 10).text,
                  Grouped(request.committed >> 10).text, unsigned{request.untold});
    log::line("%s", text);
    recorder::note(session::kWarning, text);
    if (!g_said.exchange(true)) {
        console::tell_soon(MP_PLUGIN_NAME ": the game has run out of memory; " MP_PLUGIN_NAME
                                          ".log says what it asked for");
    }
}

}  // namespace

void listen() noexcept {
    replace::set_refusal_listener(&on_refusal);
}

}  // namespace mp::plugin::refusals
