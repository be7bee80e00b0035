// What the stages of the memory-problem handler free. The engine flushes textures, unloads cells and destroys scene
// objects there; the stand-in has none of these, so an application of the stand-in says what it has. Every hook may be
// null: the stage then frees nothing, as an engine without such objects would.
#pragma once

#include <cstdint>

namespace mp::standin {

/// Registered once, before threads start. Hooks run on the allocating thread and may allocate and free.
struct OomHooks {
    void (*flush_texture_cache)() = nullptr;          ///< 0x452490, stages 0 and 5, main thread only
    void (*clean_menus_and_models)() = nullptr;       ///< stage 2
    void (*flush_havok_and_io)(bool wait) = nullptr;  ///< 0xC459D0, stages 3 to 5
    bool (*try_lock_deferred)() = nullptr;            ///< lock 0x011F11A0, stage 4; null = always taken
    void (*unlock_deferred)() = nullptr;
    void (*destroy_deferred)(bool wait) = nullptr;  ///< 0x868D70, stages 4 and 5
    bool (*unload_one_cell)() = nullptr;            ///< 0x453A80, stage 5; true = one was unloaded
    void (*no_cell_left)() = nullptr;               ///< 0x4539A0, stage 5
};

extern OomHooks oom_hooks;

}  // namespace mp::standin
