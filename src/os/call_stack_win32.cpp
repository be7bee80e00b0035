#include "os/call_stack.h"

#include <windows.h>

#include <psapi.h>

#include <atomic>
#include <cstdio>
#include <cwchar>

#include "os/compiler.h"
#include "os/executable.h"
#include "os/os.h"
#include "os/win32.h"

namespace mp::os {
namespace {

/// Base of this module.
std::uintptr_t own_base() noexcept {
    static constinit std::atomic<std::uintptr_t> base{0};
    if (base.load(std::memory_order_relaxed) == 0) {
        RegionInfo own;
        query(reinterpret_cast<const void*>(&stack_at), &own);
        base.store(own.allocation_base, std::memory_order_relaxed);
    }
    return base.load(std::memory_order_relaxed);
}

/// Stretch of memory that was asked for last: return addresses lie close together.
class Code {
public:
    /// Whether `address` follows a call in executable code of a module, ours excepted.
    [[nodiscard]] bool is_return_address(std::uintptr_t address) noexcept {
        constexpr std::uintptr_t kLongestCall = 7;
        return address > 0x10000 && is_code(address) && is_code(address - kLongestCall) && follows_call(address);
    }

private:
    bool is_code(std::uintptr_t address) noexcept {
        if (address - region_.base >= region_.size && !query(reinterpret_cast<const void*>(address), &region_)) {
            region_ = {};
            return false;
        }
        return region_.image && region_.executable && region_.readable && region_.allocation_base != own_base();
    }

    static bool follows_call(std::uintptr_t address) noexcept {
        const auto* const end = reinterpret_cast<const std::uint8_t*>(address);
        constexpr std::uint8_t kCallRelative = 0xE8;
        if (end[-5] == kCallRelative) {
            return true;
        }
        // FF /2: call through a register or memory; by the length of what its second byte says.
        const auto is_call = [end](int length) {
            constexpr std::uint8_t kCallIndirect = 0xFF;
            return end[-length] == kCallIndirect && (end[-length + 1] >> 3 & 7) == 2 &&
                   length_of(end[-length + 1]) == length;
        };
        return is_call(2) || is_call(3) || is_call(4) || is_call(6) || is_call(7);
    }

    /// Bytes of FF with this second byte.
    static int length_of(std::uint8_t second) noexcept {
        const unsigned mod = second >> 6;
        const unsigned place = second & 7;
        if (mod == 3) {
            return 2;
        }
        const int base = 2 + (place == 4 ? 1 : 0);
        if (mod == 0) {
            return place == 5 ? 6 : base;
        }
        return base + (mod == 1 ? 1 : 4);
    }

    RegionInfo region_;
};

std::uintptr_t word_at(std::uintptr_t address) noexcept {
    return *reinterpret_cast<const std::uintptr_t*>(address);
}

std::uintptr_t stack_end() noexcept {
    return reinterpret_cast<std::uintptr_t>(reinterpret_cast<const NT_TIB*>(NtCurrentTeb())->StackBase);
}

/// The calling thread's stack, walked upwards.
class Walk {
public:
    Walk(CallStack& out, std::uintptr_t stack_pointer) noexcept : out_(out), at_(stack_pointer), end_(stack_end()) {}

    /// Moves behind the first word of the next few hundred that holds `address`.
    void skip_to(std::uintptr_t address) noexcept {
        for (std::uintptr_t slot = at_; slot < end_ && slot - at_ < kNear; slot += sizeof address) {
            if (word_at(slot) == address) {
                at_ = slot + sizeof address;
                return;
            }
        }
    }

    /// `frame`: a frame pointer whose frames below `at_` do not count.
    void follow(std::uintptr_t frame) noexcept {
        while (is_frame(frame) && frame + sizeof frame < at_) {
            frame = next_of(frame);
        }
        const bool is_whole = chain_length(frame) >= kTrusted;
        while (out_.count < CallStack::kDepth && is_frame(frame) && code_.is_return_address(return_of(frame))) {
            if (out_.count < 2 || !is_whole) {
                scan(frame + sizeof frame);
            }
            out_.add(return_of(frame), true);
            at_ = frame + 2 * sizeof frame;
            frame = next_of(frame);
        }
        if (!is_whole) {
            scan(end_);
        }
    }

private:
    static constexpr std::uintptr_t kNear = 2048;
    static constexpr std::uintptr_t kFarthest = 16 * 1024;
    static constexpr int kTrusted = 4;

    static std::uintptr_t return_of(std::uintptr_t frame) noexcept { return word_at(frame + sizeof frame); }

    /// The caller's frame lies above; 0 when it does not.
    static std::uintptr_t next_of(std::uintptr_t frame) noexcept { return word_at(frame) > frame ? word_at(frame) : 0; }

    [[nodiscard]] bool is_frame(std::uintptr_t frame) const noexcept {
        return frame != 0 && frame % sizeof frame == 0 && frame + 2 * sizeof frame > first_ && frame < end_ &&
               end_ - frame >= 2 * sizeof frame;
    }

    int chain_length(std::uintptr_t frame) noexcept {
        int length = 0;
        while (length < kTrusted && is_frame(frame) && code_.is_return_address(return_of(frame))) {
            ++length;
            frame = next_of(frame);
        }
        return length;
    }

    /// What looks like a return address before `end` is likely one.
    void scan(std::uintptr_t end) noexcept {
        for (; at_ < end && at_ + sizeof at_ <= end_ && at_ - first_ < kFarthest && out_.count < CallStack::kDepth;
             at_ += sizeof at_) {
            // A word that is passed on lies there more than once.
            if (word_at(at_) != out_.frames[out_.count - 1] && code_.is_return_address(word_at(at_))) {
                out_.add(word_at(at_), false);
            }
        }
    }

    CallStack& out_;
    std::uintptr_t at_;  ///< what lies below does not count
    std::uintptr_t first_ = at_;
    std::uintptr_t end_;
    Code code_;
};

bool contains(const wchar_t* text, const wchar_t* part) noexcept {
    const std::size_t length = std::wcslen(part);
    for (; *text != L'\0'; ++text) {
        if (_wcsnicmp(text, part, length) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

CallStack stack_above(const void* caller, const void* frame) noexcept {
    CallStack stack;
    stack.add(reinterpret_cast<std::uintptr_t>(caller), true);
    Walk walk(stack, reinterpret_cast<std::uintptr_t>(frame));
    walk.skip_to(reinterpret_cast<std::uintptr_t>(caller));
    walk.follow(reinterpret_cast<std::uintptr_t>(frame));
    return stack;
}

CallStack stack_at(std::uintptr_t code, std::uintptr_t frame_pointer, std::uintptr_t stack_pointer) noexcept {
    CallStack stack;
    stack.add(code, true);
    Walk walk(stack, stack_pointer & ~(sizeof stack_pointer - 1));
    walk.follow(frame_pointer);
    return stack;
}

CodePlace place_of(std::uintptr_t address) noexcept {
    CodePlace place;
    RegionInfo region;
    if (!query(reinterpret_cast<const void*>(address), &region) || !region.image) {
        return place;
    }
    place.base = region.allocation_base;
    place.is_own = place.base == own_base();
    wchar_t path[kMaxPath];
    // The name of the file that is mapped there: the kernel's, so that the loader's lock is not needed.
    if (K32GetMappedFileNameW(GetCurrentProcess(), reinterpret_cast<void*>(address), path, kMaxPath) != 0) {
        char utf8[kMaxPath];
        if (detail::to_utf8(path, utf8, sizeof utf8)) {
            std::snprintf(place.name, sizeof place.name, "%s", file_name(utf8));
        }
        // The second is where Wine keeps its own.
        place.is_system = contains(path, L"\\windows\\") || contains(path, L"-windows\\");
    }
    return place;
}

}  // namespace mp::os
