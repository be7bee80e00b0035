#include "mpnvse/pdb.h"

#if defined(_WIN32)

#include <windows.h>

#include <dbghelp.h>

#include <array>

#include "mpnvse/platform.h"

namespace mp::tools {

namespace {

/// dbghelp's functions, which keep what belongs together by a handle of the caller's choice.
class Library {
public:
    /// Null when the system has none.
    static Library* instance() {
        static Library library;
        return library.is_complete() ? &library : nullptr;
    }

    /// Where it lies from now on; 0 when it cannot be read.
    DWORD64 load(const std::filesystem::path& file, const std::filesystem::path& folder) {
        constexpr DWORD kLargestModule = 256U << 20;
        initialize_(this, folder.c_str(), FALSE);
        const DWORD64 base = next_base_;
        next_base_ += kLargestModule;
        return load_(this, nullptr, file.c_str(), nullptr, base, kLargestModule, nullptr, 0);
    }

    std::string name_at(DWORD64 address) {
        struct {
            SYMBOL_INFOW info{};
            std::array<wchar_t, MAX_SYM_NAME> room{};
        } symbol;
        symbol.info.SizeOfStruct = sizeof symbol.info;
        symbol.info.MaxNameLen = MAX_SYM_NAME;
        DWORD64 offset = 0;
        if (from_address_(this, address, &offset, &symbol.info) == 0) {
            return {};
        }
        const std::string name = to_text(std::filesystem::path(symbol.info.Name));
        return with_offset(name, offset);
    }

private:
    Library() {
        if (const HMODULE module = LoadLibraryW(L"dbghelp.dll"); module != nullptr) {
            find(module, "SymInitializeW", initialize_);
            find(module, "SymLoadModuleExW", load_);
            find(module, "SymFromAddrW", from_address_);
        }
    }
    template <typename Function>
    static void find(HMODULE module, const char* name, Function*& out) {
        out = reinterpret_cast<Function*>(reinterpret_cast<void (*)()>(GetProcAddress(module, name)));
    }
    [[nodiscard]] bool is_complete() const {
        return initialize_ != nullptr && load_ != nullptr && from_address_ != nullptr;
    }

    decltype(SymInitializeW)* initialize_ = nullptr;
    decltype(SymLoadModuleExW)* load_ = nullptr;
    decltype(SymFromAddrW)* from_address_ = nullptr;
    DWORD64 next_base_ = 0x10000000;
};

}  // namespace

std::function<std::string(std::uint64_t offset)> functions_of_pdb(const std::filesystem::path& pdb,
                                                                  const std::optional<std::filesystem::path>& module) {
    Library* const library = Library::instance();
    const DWORD64 base = library != nullptr ? library->load(module.value_or(pdb), pdb.parent_path()) : 0;
    if (base == 0) {
        return {};
    }
    return [library, base](std::uint64_t offset) { return library->name_at(base + offset); };
}

}  // namespace mp::tools

#else

namespace mp::tools {

std::function<std::string(std::uint64_t offset)>
functions_of_pdb(const std::filesystem::path& /*pdb*/, const std::optional<std::filesystem::path>& /*module*/) {
    return {};
}

}  // namespace mp::tools

#endif
