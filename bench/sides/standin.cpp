// The stand-in of the engine itself: the game's own allocators at their addresses, Windows only. Small and large blocks
// through the game's operator new and delete, as nearly all of its code takes them.
#include "sides/generic.h"

#include "app/engine_calls.h"
#include "bench_main.h"
#include "startup/standin_main.h"

using namespace mp::app;

extern "C" {

int side_start() {
    return 1;
}

size_t side_largest() {
    return SIZE_MAX;
}

void* side_malloc(size_t size) {
    return fn::kOperatorNew(static_cast<std::uint32_t>(size));
}

void side_free(void* block) {
    fn::kOperatorDelete(block);
}

void* side_calloc(size_t count, size_t size) {
    return generic_calloc(count, size);
}

void* side_realloc(void* block, size_t size) {
    return fn::kReallocate1(manager(), block, static_cast<std::uint32_t>(size));
}

size_t side_usable(void* block) {
    return fn::kSize(manager(), block);
}

void side_thread_start() {}

void side_thread_end() {}

void side_trim() {}

int side_owns(const void* address) {
    static_cast<void>(address);
    return -1;
}

int standin_win_main(int argc, char** argv) {
    return bench_main(argc, argv);
}
}
