#include "replace/io_threads.h"

#include <algorithm>

#include "game/functions.h"
#include "os/os.h"

namespace mp::replace {

namespace {

constinit bool g_proven = false;

/// What the pointer at an address of the game's data points to.
template <typename T>
T* behind(game::Addr pointer) noexcept {
    return game::at<T>(*game::at<const game::Ptr32>(pointer));
}

}  // namespace

HelperReports prove_io_helpers(const patch::Image& image, patch::Walk& walk) noexcept {
    HelperReports reports;
    for (std::size_t i = 0; i < reports.size(); ++i) {
        reports[i] = patch::verify(game::kHelpers[i], image, walk);
        patch::name_owner(reports[i], image);
    }
    g_proven = std::ranges::all_of(
        reports, [](const patch::SiteReport& report) { return report.finding == patch::Finding::ok; });
    return reports;
}

void release_own_io_semaphores() noexcept {
    auto* io = behind<game::IoManager>(game::data::kIoManager);
    if (!g_proven || io == nullptr) {
        return;
    }
    const std::uint32_t count = io->thread_count;
    const auto* threads = game::at<const game::Ptr32>(io->threads);
    if (count > game::IoManager::kMostThreads || threads == nullptr) {
        return;
    }
    const std::uint32_t self = os::current_thread_id();
    for (std::uint32_t i = 0; i < count; ++i) {
        if (threads[i] != 0 && game::fn::kIoSemaphoreOwner(io, i) == self) {
            game::fn::kIoReleaseSemaphore(io, i);
            game::fn::kIoSignalIdle(io, i);
        }
    }
}

bool is_main_thread() noexcept {
    const auto* holder = behind<const game::MainThreadHolder>(game::data::kMainThreadHolder);
    return holder != nullptr && holder->thread_id == os::current_thread_id();
}

}  // namespace mp::replace
