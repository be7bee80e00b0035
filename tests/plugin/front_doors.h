// The front doors of the game's heaps beyond those of engine_access.h, and a fixture that takes them all.
#pragma once

#include <gtest/gtest.h>

#include "engine_access.h"
#include "engine_counters.h"
#include "game/functions.h"
#include "replace/install.h"

namespace mp::test {

inline void* reallocate2(void* block, std::uint32_t size) {
    return game::fn::kReallocate2(manager(), block, size);
}
inline void* operator_new(std::uint32_t size) {
    return game::fn::kOperatorNew(size);
}
inline void operator_delete(void* block) {
    game::fn::kOperatorDelete(block);
}
inline void* crt_malloc(std::uint32_t size) {
    return game::fn::kCrtMalloc(size);
}
inline void* crt_calloc(std::uint32_t count, std::uint32_t size) {
    return game::fn::kCrtCalloc(count, size);
}
inline void* crt_realloc(void* block, std::uint32_t size) {
    return game::fn::kCrtRealloc(block, size);
}
inline void* crt_recalloc(void* block, std::uint32_t count, std::uint32_t size) {
    return game::fn::kCrtRecalloc(block, count, size);
}
inline std::uint32_t crt_msize(void* block) {
    return game::fn::kCrtMsize(block);
}
inline void crt_free(void* block) {
    game::fn::kCrtFree(block);
}
inline game::ScrapHeap* thread_scrap() {
    return game::fn::kThreadScrapHeap(manager());
}
inline void* push(game::ScrapHeap* heap, std::uint32_t size, std::uint32_t alignment = 4) {
    return game::fn::kScrapAllocate(heap, size, alignment);
}
inline void pop(game::ScrapHeap* heap, void* block) {
    game::fn::kScrapFree(heap, block);
}

/// Hooks stay in place until the process ends: scrap heaps of ours cannot be given back to the original.
class FullMode : public ::testing::Test {
protected:
    void SetUp() override { set_memory_context(game::kDefaultContext); }
    void activate() {
        const replace::InstallReport report = replace::install(replace::Extent::full);
        ASSERT_FALSE(report.has_error());
        ASSERT_EQ(replace::patch_count(), game::kMissionCount);
    }
};

}  // namespace mp::test
