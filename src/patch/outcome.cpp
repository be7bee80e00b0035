#include "patch/outcome.h"

#include "patch/text.h"

namespace mp::patch {
namespace {

void add_failure(Text& text, const Error& error) noexcept {
    switch (error.failure) {
    case Failure::none:
        text.add("no error");
        break;
    case Failure::trampoline_memory:
        text.add("no memory for trampolines");
        break;
    case Failure::protection:
        text.add("the protection of the page at ").add_address(error.address).add(" could not be changed");
        break;
    case Failure::thread_in_the_way:
        text.add("a thread did not leave the first bytes of ").add_address(error.address);
        break;
    case Failure::thread_refused:
        if (error.thread == 0) {
            text.add("the system did not tell all threads");
        } else {
            text.add("the thread with the id ").add_number(error.thread).add(" could not be suspended");
        }
        break;
    case Failure::too_many_threads:
        text.add("the other threads could not be suspended");
        break;
    case Failure::foreign_change:
        text.add("somebody changed the bytes at ").add_address(error.address).add(", left alone");
        break;
    case Failure::unreadable:
        text.add("the bytes at ").add_address(error.address).add(" cannot be looked at; what was there counts");
        break;
    case Failure::interrupted:
        text.add("a thread that changed the code was ended by the process's end");
        break;
    case Failure::bad_request:
        text.add("a hook that cannot be installed, at ").add_address(error.address);
        break;
    }
}

void add_access(Text& text, const PageAccess& access) noexcept {
    text.add(access.readable ? "r" : "-").add(access.writable ? "w" : "-").add(access.executable ? "x" : "-");
}

}  // namespace

std::size_t describe(const Error& error, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    add_failure(text, error);
    if (error.report.finding == Finding::ok) {
        return text.length();
    }
    if (text.length() > 0) {
        text.add(": ");
    }
    return text.length() + describe(error.report, out + text.length(), capacity - text.length());
}

std::size_t describe(const Aftermath& aftermath, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    if (!aftermath.looked) {
        text.add("not installed");
    } else if (aftermath.untouched()) {
        text.add("nothing was changed");
    } else {
        text.add("not everything is as before: sites with the bytes that were written ").add_number(aftermath.standing);
        text.add(", with others ").add_number(aftermath.foreign);
        text.add(", pages with another protection ").add_number(aftermath.pages);
    }
    return text.length();
}

std::size_t describe(const ChangedPage& page, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    text.add_address(page.address).add(" (was ");
    add_access(text, page.former);
    text.add(", is ");
    add_access(text, page.now);
    return text.add(")").length();
}

}  // namespace mp::patch
