// The front doors of the game's heaps beyond those of engine_access.h, and a fixture that takes them all.
#pragma once

#include <gtest/gtest.h>

#include "engine_access.h"
#include "engine_counters.h"
#include "replace/install.h"
#include "replace/subsystem.h"

namespace mp::test {

inline void* reallocate2(void* block, std::uint32_t size) {
    return game::call_this<void*>(game::site(0x00AA4200).va, manager(), block, size);
}
inline void* operator_new(std::uint32_t size) {
    return game::call_cdecl<void*>(game::code::kOperatorNew, size);
}
inline void operator_delete(void* block) {
    game::call_cdecl<void>(game::code::kOperatorDelete, block);
}
inline void* crt_malloc(std::uint32_t size) {
    return game::call_cdecl<void*>(game::site(0x00ECD1C7).va, size);
}
inline void* crt_calloc(std::uint32_t count, std::uint32_t size) {
    return game::call_cdecl<void*>(game::site(0x00EDDD7D).va, count, size);
}
inline void* crt_realloc(void* block, std::uint32_t size) {
    return game::call_cdecl<void*>(game::site(0x00ECCF5D).va, block, size);
}
inline void* crt_recalloc(void* block, std::uint32_t count, std::uint32_t size) {
    return game::call_cdecl<void*>(game::site(0x00EE1700).va, block, count, size);
}
inline std::uint32_t crt_msize(void* block) {
    return game::call_cdecl<std::uint32_t>(game::site(0x00ECD31F).va, block);
}
inline void crt_free(void* block) {
    game::call_cdecl<void>(game::site(0x00ECD291).va, block);
}
inline game::ScrapHeap* thread_scrap() {
    return game::call_this<game::ScrapHeap*>(game::site(0x00AA42E0).va, manager());
}
inline void* push(game::ScrapHeap* heap, std::uint32_t size, std::uint32_t alignment = 4) {
    return game::call_this<void*>(game::site(0x00AA54A0).va, heap, size, alignment);
}
inline void pop(game::ScrapHeap* heap, void* block) {
    game::call_this<void>(game::site(0x00AA5610).va, heap, block);
}

/// Hooks stay in place until the process ends: scrap heaps of ours cannot be given back to the original.
class FullMode : public ::testing::Test {
protected:
    void SetUp() override { set_memory_context(game::kDefaultContext); }
    void activate() {
        const replace::InstallReport report = replace::install(replace::full_subsystems(replace::Builders::keep));
        ASSERT_FALSE(report.has_error);
        ASSERT_EQ(replace::patch_count(), game::kMissionCount);
    }
};

}  // namespace mp::test
