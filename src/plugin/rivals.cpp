#include "plugin/rivals.h"

#include <cstdio>

#include "os/executable.h"
#include "os/os.h"
#include "os/process.h"
#include "plugin/version.h"

namespace mp::plugin {

namespace {

struct Rival {
    const char* module;
    /// What a library of the system that has the same name does itself, and the rival passes on to it; nullptr when the
    /// name is the rival's alone. The system's own library may lie in the game's folder, too.
    const char* done_by_namesake;
};

constinit os::NameClaim g_process;

constexpr Rival kRivals[] = {
    {"psycho_engine_fixes.dll", nullptr}, {"d3dx9_38.dll", "D3DXCheckVersion"},  // NVHR
};

}  // namespace

const char* loaded_rival() noexcept {
    for (const Rival& rival : kRivals) {
        const bool loaded = rival.done_by_namesake == nullptr
                                ? os::module_loaded(rival.module)
                                : os::module_loaded_from_here(rival.module) &&
                                      !os::module_has_own(rival.module, rival.done_by_namesake);
        if (loaded) {
            return rival.module;
        }
    }
    return nullptr;
}

bool claim_process() noexcept {
    char name[64];
    std::snprintf(name, sizeof name, MP_PLUGIN_NAME "-%u", unsigned{os::current_process_id()});
    return g_process.take(name);
}

bool second_copy_came() noexcept {
    return g_process.others_asked();
}

}  // namespace mp::plugin
