// The doors of the game's memory system, called as the game's own code calls them: by address and convention, so that
// whoever replaced a function is reached.
#pragma once

#include "game/addresses.h"
#include "game/call.h"
#include "game/layouts.h"
#include "map/addresses.h"

#include <cstdint>

namespace mp::app::engine {

using game::call_cdecl;
using game::call_this;

inline game::MemoryManager* manager() {
    return game::at<game::MemoryManager>(game::data::kMemoryManager);
}

// --- game heap (engine contract B.2) ---------------------------------------------------------------------------------

inline void* operator_new(std::uint32_t size) {
    return call_cdecl<void*>(game::code::kOperatorNew, size);
}
inline void operator_delete(void* block) {
    call_cdecl<void>(game::code::kOperatorDelete, block);
}
inline void* allocate(std::uint32_t size) {
    return call_this<void*>(game::site(0x00AA3E40).va, manager(), size);
}
inline void free(void* block) {
    call_this<void>(game::site(0x00AA4060).va, manager(), block);
}
/// Both entries do the same; the game uses both.
inline void* reallocate(void* block, std::uint32_t size) {
    return call_this<void*>(game::site(0x00AA4150).va, manager(), block, size);
}
inline void* reallocate_second(void* block, std::uint32_t size) {
    return call_this<void*>(game::site(0x00AA4200).va, manager(), block, size);
}
inline std::uint32_t size_of(void* block) {
    return call_this<std::uint32_t>(game::site(0x00AA44C0).va, manager(), block);
}

// --- CRT (B.9) -------------------------------------------------------------------------------------------------------

inline void* crt_malloc(std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00ECD1C7).va, size);
}
inline void* crt_malloc_crt(std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00ED0CDF).va, size);
}
inline void* crt_calloc(std::uint32_t count, std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00EDDD7D).va, count, size);
}
inline void* crt_calloc_crt(std::uint32_t count, std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00ED0D24).va, count, size);
}
inline void* crt_realloc(void* block, std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00ECCF5D).va, block, size);
}
inline void* crt_realloc_crt(void* block, std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00ED0D70).va, block, size);
}
inline void* crt_recalloc(void* block, std::uint32_t count, std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00EE1700).va, block, count, size);
}
inline void* crt_recalloc_crt(void* block, std::uint32_t count, std::uint32_t size) {
    return call_cdecl<void*>(game::site(0x00ED0DBE).va, block, count, size);
}
inline std::uint32_t crt_size(void* block) {
    return call_cdecl<std::uint32_t>(game::site(0x00ECD31F).va, block);
}
inline void crt_free(void* block) {
    call_cdecl<void>(game::site(0x00ECD291).va, block);
}

// --- scrap heaps (B.8) -----------------------------------------------------------------------------------------------

/// The calling thread's scrap heap; the first call of a thread writes an unlocked map.
inline game::ScrapHeap* thread_scrap_heap() {
    return call_this<game::ScrapHeap*>(game::site(0x00AA42E0).va, manager());
}
inline void scrap_init(game::ScrapHeap* heap) {
    call_this<void*>(game::site(0x00AA53F0).va, heap);
}
inline void scrap_init_sized(game::ScrapHeap* heap, std::uint32_t size) {
    call_this<void*>(game::site(0x00AA5410).va, heap, size);
}
inline void scrap_purge(game::ScrapHeap* heap) {
    call_this<void>(game::site(0x00AA5460).va, heap);
}
/// nullptr when the heap is full.
inline void* scrap_allocate(game::ScrapHeap* heap, std::uint32_t size) {
    return call_this<void*>(game::site(0x00AA54A0).va, heap, size, std::uint32_t{4});
}
inline void scrap_free(game::ScrapHeap* heap, void* block) {
    call_this<void>(game::site(0x00AA5610).va, heap, block);
}

// --- pools and frame work (B.3) --------------------------------------------------------------------------------------

/// Gives pages without live blocks back, as the game does at cell changes.
inline void purge_pools() {
    call_cdecl<void>(game::site(0x00AA7030).va);
}
/// The main loop's step of the pool sort.
inline void sort_pools_step() {
    call_cdecl<void>(standin::kFramePoolSort);
}

// --- memory context (B.1) --------------------------------------------------------------------------------------------

inline constexpr std::uint32_t kFileContext = 23;

inline std::uint32_t context() {
    return call_cdecl<std::uint32_t>(standin::kGetMemoryContext);
}
inline void set_context(std::uint32_t context) {
    call_cdecl<void>(standin::kSetMemoryContext, context);
}

/// Sets the calling thread's context for its lifetime.
class ContextScope {
public:
    explicit ContextScope(std::uint32_t wanted) : old_(context()) { set_context(wanted); }
    ~ContextScope() { set_context(old_); }
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

private:
    std::uint32_t old_;
};

}  // namespace mp::app::engine
