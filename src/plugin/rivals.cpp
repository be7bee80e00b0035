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
    bool only_in_game_folder;  ///< elsewhere the name belongs to a library of the system
};

constinit os::NameClaim g_process;

constexpr Rival kRivals[] = {
    {"psycho_engine_fixes.dll", false}, {"d3dx9_38.dll", true},  // NVHR
};

}  // namespace

const char* loaded_rival() noexcept {
    for (const Rival& rival : kRivals) {
        const bool loaded =
            rival.only_in_game_folder ? os::module_loaded_from_here(rival.module) : os::module_loaded(rival.module);
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
