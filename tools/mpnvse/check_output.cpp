#include "mpnvse/check_output.h"

#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "game/addresses.h"
#include "patch/text.h"

namespace mp::tools {

namespace {

using Json = nlohmann::ordered_json;

template <typename... Args>
void add(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

std::string line(const patch::SiteReport& report) {
    std::array<char, 512> text{};
    patch::describe(report, text.data(), text.size());
    return text.data();
}

std::string bytes(const patch::SiteReport& report, const std::array<std::uint8_t, game::BytePattern::kCapacity>& values,
                  bool masked) {
    std::array<char, 4 * game::BytePattern::kCapacity> text{};
    patch::Text(text.data(), text.size())
        .add_bytes(values.data(), masked ? report.mask.data() : nullptr, report.byte_count);
    return text.data();
}

std::string_view finding_name(patch::Finding finding) noexcept {
    using enum patch::Finding;
    switch (finding) {
    case ok:
        return "ok";
    case unreadable:
        return "unreadable";
    case foreign:
        return "foreign jump";
    case breakpoint:
        return "breakpoint";
    case statement_fails:
        return "statement fails";
    case pops_differ:
        return "pops differ";
    case start_entered:
        return "start entered";
    case start_is_fixed:
        return "start is fixed";
    case not_proven:
        return "not proven";
    case pointer_differs:
        return "pointer differs";
    case changed:
        return "changed";
    }
    return "";
}

/// "bytes", "structure", or nothing.
Json proof_json(patch::Proof proof) {
    switch (proof) {
    case patch::Proof::none:
        break;
    case patch::Proof::bytes:
        return "bytes";
    case patch::Proof::structure:
        return "structure";
    }
    return nullptr;
}

std::string edit_line(const patch::EditReport& report) {
    std::array<char, 512> text{};
    patch::describe(report, text.data(), text.size());
    return text.data();
}

void add_identity(std::string& out, const CheckResult& result) {
    add(out, "  size       {} bytes\n  SHA-256    {}\n", result.size, result.sha256);
    add(out, "  known as   {}\n", result.known_image != nullptr ? result.known_image->what : "unknown image");
    if (!result.is_program) {
        return;
    }
    add(out, "  version    {}\n", result.file_version != 0 ? version_text(result.file_version) : "none");
    add(out, "  memory     {}\n",
        result.large_address_aware ? "large address aware (4 GB)" : "NOT large address aware (2 GB)");
    if (result.steam_section) {
        add(out, "  protection Steam's, decrypts the code at start\n");
    }
}

void add_group(std::string& out, const GroupCheck& group, bool verbose) {
    add(out, "  [{}] {:<20} {} of {} sites proven ({} by bytes, {} by structure)\n", group.fits() ? "yes" : "NO ",
        game::group_name(group.group), group.sites.size() - group.mismatches, group.sites.size(), group.by_bytes,
        group.by_structure);
    if (group.mismatches == 0 && !group.fits()) {
        add(out, "        {}\n", group.problem);
    }
    for (const SiteCheck& site : group.sites) {
        if (verbose || site.report.finding != patch::Finding::ok) {
            add(out, "        {}\n", line(site.report));
        }
    }
}

/// Scrap mode is a choice of the groups above.
void add_scrap_mode(std::string& out, const CheckResult& result) {
    add(out, "\nScrap mode: of these only\n");
    for (const GroupCheck& group : result.groups) {
        if (game::is_of_scrap_heaps(group.group)) {
            add(out, "  [{}] {}\n", group.fits() ? "yes" : "NO ", game::group_name(group.group));
        }
    }
}

void add_groups(std::string& out, const CheckResult& result, bool boundary, bool verbose) {
    add(out, "\n{}\n",
        boundary ? "Boundary mode: the 17 functions, and what belongs to them"
                 : "Full mode in addition: front doors and builders");
    for (const GroupCheck& group : result.groups) {
        if (group.boundary == boundary) {
            add_group(out, group, verbose);
        }
    }
}

Json site_json(const SiteCheck& site) {
    const patch::SiteReport& report = site.report;
    Json json{{"address", fmt::format("0x{:08X}", report.site)},
              {"name", site.name},
              {"pattern", site.pattern},
              {"in_mission", site.in_mission},
              {"finding", finding_name(report.finding)},
              {"proof", proof_json(report.proof)}};
    if (report.finding != patch::Finding::ok || report.bytes_differ) {
        json["expected"] = bytes(report, report.expected, true);
        if (report.finding != patch::Finding::unreadable) {
            json["found"] = bytes(report, report.observed, false);
        }
    }
    if (report.finding != patch::Finding::ok) {
        json["differs_at"] = fmt::format("0x{:08X}", report.address);
        json["text"] = line(report);
    }
    if (report.owner[0] != '\0') {
        json["owner"] = report.owner.data();
    }
    return json;
}

Json group_json(const GroupCheck& group) {
    Json json{{"name", game::group_name(group.group)},
              {"mode", group.boundary ? "boundary" : "full"},
              {"in_scrap_mode", game::is_of_scrap_heaps(group.group)},
              {"would_be_replaced", group.fits()},
              {"mismatches", group.mismatches},
              {"by_bytes", group.by_bytes},
              {"by_structure", group.by_structure}};
    if (!group.fits()) {
        json["reason"] = group.problem;
    }
    for (const SiteCheck& site : group.sites) {
        json["sites"].push_back(site_json(site));
    }
    return json;
}

void add_program_json(Json& json, const CheckResult& result) {
    json["version"] = result.file_version != 0 ? Json(version_text(result.file_version)) : Json(nullptr);
    json["image_base"] = fmt::format("0x{:08X}", result.image_base);
    json["large_address_aware"] = result.large_address_aware;
    json["steam_section"] = result.steam_section;
}

}  // namespace

std::string_view verdict_name(Verdict verdict) noexcept {
    constexpr std::array<std::string_view, 17> kNames{
        "all replaced",  "some replaced",   "wrong usage",  "not readable",  "not a program", "truncated",
        "damaged",       "other processor", "packed",       "no version",    "wrong version", "wrong base",
        "other edition", "encrypted",       "site outside", "none replaced", "no facts"};
    return kNames[static_cast<std::size_t>(verdict)];
}

std::string check_text(const CheckResult& result, const std::string& path, bool verbose) {
    std::string out;
    add(out, "{}\n", path);
    if (result.verdict != Verdict::not_readable) {
        add_identity(out, result);
    }
    if (!result.groups.empty()) {
        add_groups(out, result, true, verbose);
        add_groups(out, result, false, verbose);
        add_scrap_mode(out, result);
    }
    for (const patch::EditReport& edit : result.edits) {
        if (edit.present) {
            add(out, "\nnote: {}\n", edit_line(edit));
        }
    }
    for (const std::string& warning : result.warnings) {
        add(out, "\nwarning: {}\n", warning);
    }
    if (!result.groups.empty()) {
        add(out, "\n{} of {} functions would be replaced\n", result.would_be_replaced(), game::kMissionCount);
        add(out, "{} of {} front doors would be replaced\n", result.front_doors(), game::kFrontDoorCount);
    }
    add(out, "{}: {}\n", verdict_name(result.verdict), result.reason);
    return out;
}

nlohmann::ordered_json check_json(const CheckResult& result, const std::string& path) {
    Json json{{"file", path},
              {"verdict", verdict_name(result.verdict)},
              {"exit_code", static_cast<int>(result.verdict)},
              {"reason", result.reason},
              {"would_be_replaced", result.would_be_replaced()},
              {"functions", game::kMissionCount},
              {"front_doors_replaced", result.front_doors()},
              {"front_doors", game::kFrontDoorCount}};
    if (result.verdict == Verdict::not_readable) {
        return json;
    }
    json["size"] = result.size;
    json["sha256"] = result.sha256;
    json["known_image"] = result.known_image != nullptr ? Json(result.known_image->what) : Json(nullptr);
    if (result.is_program) {
        add_program_json(json, result);
    }
    json["warnings"] = result.warnings;
    json["groups"] = Json::array();
    for (const GroupCheck& group : result.groups) {
        json["groups"].push_back(group_json(group));
    }
    json["known_edits"] = Json::array();
    for (const patch::EditReport& edit : result.edits) {
        json["known_edits"].push_back({{"address", fmt::format("0x{:08X}", edit.edit->va)},
                                       {"by", edit.edit->who},
                                       {"what", edit.edit->what},
                                       {"present", edit.present}});
    }
    return json;
}

}  // namespace mp::tools
