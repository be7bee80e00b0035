#include <dlfcn.h>
#include <sys/auxv.h>

#include <cstring>

#include "os/os_common.h"
#include "os/process.h"

namespace mp::os {
namespace {

bool find_module(const void* address, Dl_info* info) noexcept {
    return dladdr(address, info) != 0 && info->dli_fname != nullptr && info->dli_fname[0] != '\0';
}

/// True for the program itself, which cannot be unloaded (and, position independent, cannot be opened either).
bool is_program(const Dl_info& module) noexcept {
    Dl_info program{};
    const auto headers = static_cast<std::uintptr_t>(getauxval(AT_PHDR));
    return find_module(reinterpret_cast<const void*>(headers), &program) && program.dli_fbase == module.dli_fbase;
}

}  // namespace

bool module_name_at(const void* address, char* name, std::size_t capacity) noexcept {
    if (capacity == 0) {
        return false;
    }
    name[0] = '\0';
    Dl_info module{};
    if (!find_module(address, &module)) {
        return false;
    }
    const char* slash = std::strrchr(module.dli_fname, '/');
    const char* file = slash != nullptr ? slash + 1 : module.dli_fname;
    const std::size_t length = strnlen(file, capacity - 1);
    std::memcpy(name, file, length);
    name[length] = '\0';
    return true;
}

bool pin_module_of(const void* address) noexcept {
    Dl_info module{};
    if (!find_module(address, &module)) {
        return false;
    }
    return is_program(module) || dlopen(module.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
}

void SuspendedThreads::prepare() noexcept {}

// Linux has no service for it; the tests that need suspended threads run on Windows. A refusal can be asked for all the
// same; the caller lends its id to the thread that is not there.
SuspendedThreads::Result SuspendedThreads::suspend() noexcept {
    count_ = 0;
    if (detail::must_fail(Call::suspend)) {
        refused_thread_ = current_thread_id();
        return Result::refused;
    }
    return Result::all;
}

void SuspendedThreads::resume() noexcept {
    count_ = 0;
}

std::uintptr_t SuspendedThreads::instruction_pointer(std::size_t index) const noexcept {
    return index < count_ ? instruction_pointers_[index] : 0;
}

}  // namespace mp::os
