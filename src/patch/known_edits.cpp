#include "patch/known_edits.h"

#include <cstring>

#include "patch/text.h"

namespace mp::patch {

std::array<EditReport, kKnownEditCount> known_edits(const Image& image) noexcept {
    std::array<EditReport, kKnownEditCount> reports{};
    for (std::size_t i = 0; i < kKnownEditCount; ++i) {
        const game::KnownEdit& edit = game::kKnownEdits[i];
        EditReport& report = reports[i];
        report.edit = &edit;
        const std::uint8_t* now = image.at(edit.va, edit.size);
        report.readable = now != nullptr;
        if (report.readable) {
            report.present = !edit.unmodified.matches(now);
            std::memcpy(report.observed.data(), now, edit.size);
        }
    }
    return reports;
}

bool overlaps_known_edit(game::Addr va, std::size_t size) noexcept {
    for (const game::KnownEdit& edit : game::kKnownEdits) {
        if (va < edit.va ? edit.va - va < size : va - edit.va < edit.size) {
            return true;
        }
    }
    return false;
}

std::size_t describe(const EditReport& report, char* out, std::size_t capacity) noexcept {
    Text text(out, capacity);
    text.add_address(report.edit->va);
    if (!report.readable) {
        return text.add(" not readable").length();
    }
    text.add(report.present ? " changed by " : " not changed by ").add(report.edit->who);
    text.add(" (").add(report.edit->what).add("): ").add_bytes(report.observed.data(), nullptr, report.edit->size);
    return text.length();
}

}  // namespace mp::patch
