#include "mpnvse/check.h"

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "game/addresses.h"
#include "mpnvse/disk_image.h"
#include "mpnvse/executable_file.h"
#include "mpnvse/sha256.h"
#include "patch/facts.h"
#include "patch/plan.h"

namespace mp::tools {

namespace {

using game::Group;

/// Section of Steam's copy protection: it decrypts the code when the program starts.
constexpr std::string_view kSteamSection = ".bind";
constexpr std::string_view kPackerSection = "UPX0";
/// Symbol file of the edition for Germany and Austria, whose code differs.
constexpr std::string_view kOtherEdition = "FalloutNVng.pdb";

/// Stands for our replacements while planning; any address outside the game's image will do.
const void* planned_replacement() noexcept {
    return reinterpret_cast<const void*>(std::uintptr_t{0x10001000});
}

bool is_boundary(Group group) noexcept {
    return std::ranges::any_of(game::kSites,
                               [group](const game::Site& site) { return site.group == group && in_mission(site); });
}

bool is_ever_replaced(Group group) noexcept {
    return group != Group::none && group != Group::locks && group != Group::scrap_heaps_optional;
}

std::string line(const patch::SiteReport& report) {
    std::array<char, 512> text{};
    patch::describe(report, text.data(), text.size());
    return text.data();
}

std::string line(const patch::Error& error) {
    std::array<char, 512> text{};
    patch::describe(error, text.data(), text.size());
    return text.data();
}

/// Too large for a stack.
patch::Walk& walk() noexcept {
    static patch::Walk walk;
    return walk;
}

void count(GroupCheck& group, SiteCheck& site, const patch::Image& image) {
    patch::name_owner(site.report, image);
    group.by_bytes += site.report.proof == patch::Proof::bytes ? 1 : 0;
    group.by_structure += site.report.proof == patch::Proof::structure ? 1 : 0;
    if (site.report.finding != patch::Finding::ok && group.mismatches++ == 0) {
        group.problem = line(site.report);
    }
}

/// Every site of a group, verified.
void verify_sites(GroupCheck& group, const patch::Image& image, patch::Accept accept) {
    for (const game::Site& site : game::kSites) {
        if (site.group == group.group) {
            group.sites.push_back(
                {site.name, site.mission_pattern, in_mission(site), patch::verify(site, image, walk(), accept)});
        }
    }
    for (const game::PointerSite& site : game::kPointerSites) {
        if (site.group == group.group) {
            group.sites.push_back({site.name, 0, false, patch::verify(site, image)});
        }
    }
    for (SiteCheck& site : group.sites) {
        count(group, site, image);
    }
}

/// The same plan that the plugin makes before it writes anything.
void plan_group(GroupCheck& group, const patch::Image& image) {
    static patch::Hooks hooks;  // too large for a stack
    hooks.clear();
    for (const game::Site& site : game::kSites) {
        if (site.group == group.group) {
            hooks.add({.site = &site, .replacement = planned_replacement()});
        }
    }
    for (const game::PointerSite& site : game::kPointerSites) {
        if (site.group == group.group) {
            hooks.add({.slot = &site, .replacement = planned_replacement()});
        }
    }
    patch::InstallReport report;
    if (const patch::Error error = patch::plan_install(hooks, image, walk(), report);
        error.failure != patch::Failure::none) {
        group.problem = line(error);
    }
}

GroupCheck check_group(Group group, const patch::Image& image, patch::Accept accept) {
    GroupCheck result{.group = group, .boundary = is_boundary(group), .sites = {}, .problem = {}};
    verify_sites(result, image, accept);
    if (result.fits()) {
        plan_group(result, image);
    }
    return result;
}

/// First site of the table outside the executable sections, 0 when there is none.
game::Addr first_site_outside(const DiskImage& image) noexcept {
    for (const game::Site& site : game::kSites) {
        if (!image.executable(site.va, site.prologue.size)) {
            return site.va;
        }
    }
    return 0;
}

void refuse(CheckResult& result, Verdict verdict, std::string reason) {
    result.verdict = verdict;
    result.reason = std::move(reason);
}

void refuse(CheckResult& result, const FileError& error) {
    constexpr std::pair<FileProblem, Verdict> kVerdicts[] = {
        {FileProblem::not_a_program, Verdict::not_a_program},
        {FileProblem::truncated, Verdict::truncated},
        {FileProblem::other_processor, Verdict::other_processor},
        {FileProblem::senseless_headers, Verdict::damaged},
    };
    const auto* found = std::ranges::find(kVerdicts, error.problem, &std::pair<FileProblem, Verdict>::first);
    refuse(result, found->second, error.text);
}

/// True when the program is not the one that the table describes, whatever its bytes.
bool refuse_identity(CheckResult& result, const ExecutableFile& headers, const DiskImage& image) {
    const std::optional<std::uint64_t> version = image.file_version();
    result.file_version = version.value_or(0);
    if (headers.has_section(kPackerSection)) {
        refuse(result, Verdict::packed, "packed with UPX: xNVSE refuses it, and its code cannot be checked");
    } else if (!version) {
        refuse(result, Verdict::no_version, "no version resource: not FalloutNV.exe, or an altered one");
    } else if (*version != game::kFileVersion) {
        refuse(result, Verdict::wrong_version,
               fmt::format("version {}, expected {}: only the final release is supported", version_text(*version),
                           version_text(game::kFileVersion)));
    } else if (headers.image_base != game::kImageBase || headers.moves) {
        refuse(result, Verdict::wrong_base,
               fmt::format("made for the address 0x{:08X}{}, expected 0x{:08X}, fixed: an altered program",
                           headers.image_base, headers.moves ? ", movable" : "", game::kImageBase));
    } else if (image.symbol_file().ends_with(kOtherEdition)) {
        refuse(result, Verdict::other_edition, "the edition without gore: xNVSE does not support it");
    } else if (const game::Addr site = first_site_outside(image); site != 0) {
        refuse(result, Verdict::site_outside,
               fmt::format("0x{:08X} is not in an executable section: an altered program", site));
    } else {
        return false;
    }
    return true;
}

void judge(CheckResult& result) {
    const std::size_t count = result.would_be_replaced();
    const auto first = std::ranges::find_if(result.groups, [](const GroupCheck& group) { return !group.fits(); });
    if (count == game::kMissionCount) {
        refuse(result, Verdict::all_replaced, "all 17 functions would be replaced");
    } else if (result.steam_section) {
        refuse(result, Verdict::encrypted,
               "encrypted by Steam: the plugin checks the bytes when the game runs, where they are decrypted");
    } else if (count == 0) {
        refuse(result, Verdict::none_replaced, fmt::format("nothing would be replaced; first: {}", first->problem));
    } else {
        refuse(result, Verdict::some_replaced,
               fmt::format("{} of {} functions would be replaced; first reason: {}", count, game::kMissionCount,
                           first->problem));
    }
}

void add_warnings(CheckResult& result) {
    if (!result.large_address_aware) {
        result.warnings.emplace_back("not large address aware: the game can use 2 GB only; run the FNV 4GB Patcher");
    }
    if (result.verdict == Verdict::all_replaced && !result.sha256.empty() && result.known_image == nullptr) {
        result.warnings.emplace_back("the file's SHA-256 is not a known one; the bytes that matter are as expected");
    }
}

bool add_line(void* text, std::string_view line) noexcept {
    try {
        static_cast<std::string*>(text)->append(line).append("\n");
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void add_facts(CheckResult& result, const patch::Image& image) {
    if (result.verdict == Verdict::encrypted) {
        return;
    }
    const patch::FactsHeader header{.program_version = result.file_version, .sha256 = result.sha256};
    if (!patch::write_facts(header, image, walk(), &add_line, &result.facts)) {
        throw std::bad_alloc();
    }
}

}  // namespace

std::size_t CheckResult::front_doors() const noexcept {
    std::size_t count = 0;
    for (const GroupCheck& group : groups) {
        count += group.fits() && game::is_front_door(group.group) ? group.sites.size() : 0;
    }
    return count;
}

std::size_t CheckResult::would_be_replaced() const noexcept {
    std::size_t count = 0;
    for (const GroupCheck& group : groups) {
        for (const SiteCheck& site : group.sites) {
            count += group.fits() && site.in_mission ? 1 : 0;
        }
    }
    return count;
}

CheckResult check(std::span<const std::uint8_t> file, const CheckOptions& options,
                  const std::function<void(std::size_t)>& progress) {
    CheckResult result;
    result.size = file.size();
    if (options.hash) {
        result.sha256 = sha256(file, progress);
        result.known_image = game::find_known_image(result.sha256);
    }
    const auto headers = parse_executable(file);
    if (!headers) {
        refuse(result, headers.error());
        return result;
    }
    const DiskImage image(*headers, file);
    result.is_program = true;
    result.image_base = headers->image_base;
    result.large_address_aware = headers->large_address_aware;
    result.steam_section = headers->has_section(kSteamSection);
    if (!refuse_identity(result, *headers, image)) {
        for (std::size_t i = 0; i < game::kGroupCount; ++i) {
            if (is_ever_replaced(static_cast<Group>(i))) {
                result.groups.push_back(check_group(static_cast<Group>(i), image, options.accept));
            }
        }
        for (const patch::EditReport& edit : patch::known_edits(image)) {
            result.edits.push_back(edit);
        }
        judge(result);
        add_warnings(result);
        if (options.facts) {
            add_facts(result, image);
        }
    }
    return result;
}

CheckResult unreadable(std::string reason) {
    CheckResult result;
    result.reason = std::move(reason);
    return result;
}

void set_no_facts(CheckResult& result, std::string reason) {
    refuse(result, Verdict::no_facts, std::move(reason));
}

std::string version_text(std::uint64_t version) {
    return fmt::format("{}.{}.{}.{}", version >> 48, version >> 32 & 0xFFFF, version >> 16 & 0xFFFF, version & 0xFFFF);
}

}  // namespace mp::tools
