#include "patch/facts.h"

#include <array>
#include <optional>

#include "patch/decode.h"
#include "patch/text.h"
#include "patch/verify.h"

namespace mp::patch {
namespace {

using game::Addr;

constexpr std::size_t kLongestLine = 512;
/// Bytes between two instructions of one function that may be padding or a table.
constexpr Addr kWidestGap = 16;
/// First bytes that are shown.
constexpr std::size_t kShown = game::BytePattern::kCapacity;

void add_version(Text& text, std::uint64_t version) noexcept {
    constexpr unsigned kPartBits = 16;
    constexpr std::uint32_t kPartMask = 0xFFFF;
    for (unsigned part = 4; part > 0; --part) {
        text.add_number(static_cast<std::uint32_t>(version >> (part - 1) * kPartBits) & kPartMask);
        text.add(part > 1 ? "." : "");
    }
}

void add_named(Text& text, Addr va) noexcept {
    text.add_address(va);
    if (const std::string_view name = name_of(va); !name.empty()) {
        text.add(" ").add(name);
    }
}

/// One text in the making.
class Facts {
public:
    Facts(const Image& image, Walk& walk, FactsSink sink, void* context) noexcept
        : image_(image), walk_(walk), sink_(sink), context_(context) {}

    bool header(const FactsHeader& header) noexcept {
        return line([](Text& text) { text.add("MemoryPoolNVSE facts ").add_number(kFactsVersion); }) &&
               line([&header](Text& text) { add_version(text.add("program "), header.program_version); }) &&
               line([&header](Text& text) {
                   text.add("sha256 ").add(header.sha256.empty() ? "not known, the running program" : header.sha256);
               });
    }

    bool site(const game::Site& site) noexcept {
        const SiteReport report = verify(site, image_, walk_);
        const bool walked = walk_.start() == site.va;  // not when its first bytes cannot be read
        return title(site.va, "function ") && first_bytes(site.va) && (!walked || found_by_walk()) && slots(site) &&
               agreement(report);
    }

    bool helper(const game::Helper& helper) noexcept {
        const SiteReport report = verify(helper, image_, walk_);
        return title(helper.va, "function ") && first_bytes(helper.va) && found_by_walk() && agreement(report);
    }

    bool slot(const game::PointerSite& site) noexcept {
        return title(site.va, "slot ") && slot_value(site.va) && agreement(verify(site, image_));
    }

private:
    template <typename Fill>
    bool line(Fill fill) noexcept {
        std::array<char, kLongestLine> buffer{};
        Text text(buffer.data(), buffer.size());
        fill(text);
        return sink_(context_, {buffer.data(), text.length()});
    }

    bool title(Addr va, std::string_view kind) noexcept {
        return line([](Text&) {}) && line([=](Text& text) { add_named(text.add(kind), va); });
    }

    bool first_bytes(Addr va) noexcept {
        return line([=, this](Text& text) {
            const std::uint8_t* bytes = image_.at(va, kShown);
            text.add("  bytes ");
            if (bytes != nullptr) {
                text.add_bytes(bytes, nullptr, kShown);
            } else {
                text.add("not readable");
            }
        });
    }

    /// The first step of the walk from `va` on, by address; nullptr when there is none.
    [[nodiscard]] const Step* step_from(Addr va) const noexcept {
        const Step* next = nullptr;
        for (const Step& step : walk_.steps()) {
            next = step.va >= va && (next == nullptr || step.va < next->va) ? &step : next;
        }
        return next;
    }

    /// End of the run that begins at the function's start.
    [[nodiscard]] Addr end_of_run() const noexcept {
        Addr end = walk_.start();
        for (Addr va = end; va <= end + kWidestGap; ++va) {
            if (va != walk_.start() && game::find_site(va) != nullptr) {
                break;
            }
            if (const Step* step = walk_.step_at(va); step != nullptr && step->size != 0) {
                end = step->end();
                va = end - 1;
            }
        }
        return end;
    }

    bool found_by_walk() noexcept {
        if (!line([this](Text& text) { text.add("  size ").add_number(end_of_run() - walk_.start()); })) {
            return false;
        }
        for (const Step* step = step_from(0); step != nullptr; step = step_from(step->va + 1)) {
            if (!step_line(*step)) {
                return false;
            }
        }
        const Addr entered = walk_.entered_start(kShown);
        return (entered == 0 || line([=](Text& text) { text.add("  enters ").add_address(entered); })) &&
               line([this](Text& text) {
                   if (walk_.complete()) {
                       text.add("  walk complete");
                   } else {
                       text.add("  walk incomplete: ").add(walk_problem_name(walk_.problem())).add(" at ");
                       text.add_address(walk_.problem_address());
                   }
               });
    }

    /// A line for what proves something; none for other instructions.
    bool step_line(const Step& step) noexcept {
        if (step.flow == Flow::ret) {
            return line([&step](Text& text) {
                text.add(step.local ? "  block_return " : "  return ").add_address(step.va).add(" pops ");
                text.add_number(step.popped);
            });
        }
        if (step.flow == Flow::call) {
            return line([&step](Text& text) {
                text.add("  call ").add_address(step.va);
                add_reached(text, step);
            });
        }
        if (step.foreign) {
            return line([&step](Text& text) {
                text.add("  leaves ").add_address(step.va);
                add_reached(text, step);
            });
        }
        return true;
    }

    static void add_reached(Text& text, const Step& step) noexcept {
        if (step.reach == Reach::direct) {
            add_named(text.add(" function "), step.target);
        } else if (step.reach == Reach::pointer) {
            add_named(text.add(" pointer "), step.target);
        } else {
            text.add(" unknown");
        }
    }

    bool slots(const game::Site& site) noexcept {
        for (const game::Statement& statement : site.statements) {
            if (statement.kind == game::Statement::Kind::in_slot && !slot_value(statement.at)) {
                return false;
            }
        }
        return true;
    }

    bool slot_value(Addr va) noexcept {
        return line([=, this](Text& text) {
            const std::optional<std::uint32_t> value = dword_at(image_, va);
            text.add("  slot ").add_address(va);
            if (value) {
                add_named(text.add(" holds "), *value);
            } else {
                text.add(" not readable");
            }
        });
    }

    bool agreement(const SiteReport& report) noexcept {
        if (report.finding == Finding::ok) {
            return line([&report](Text& text) { text.add("  table agrees ").add(proof_name(report.proof)); });
        }
        std::array<char, kLongestLine> why{};
        describe(report, why.data(), why.size());
        return line([&why](Text& text) { text.add("  table disagrees: ").add(why.data()); });
    }

    const Image& image_;
    Walk& walk_;
    FactsSink sink_;
    void* context_;
};

}  // namespace

bool write_facts(const FactsHeader& header, const Image& image, Walk& walk, FactsSink sink, void* context) noexcept {
    Facts facts(image, walk, sink, context);
    if (!facts.header(header)) {
        return false;
    }
    for (const game::Site& site : game::kSites) {
        if (!facts.site(site)) {
            return false;
        }
    }
    for (const game::Helper& helper : game::kHelpers) {
        if (!facts.helper(helper)) {
            return false;
        }
    }
    for (const game::PointerSite& site : game::kPointerSites) {
        if (!facts.slot(site)) {
            return false;
        }
    }
    return true;
}

}  // namespace mp::patch
