#include "mpnvse/function_names.h"

#include <algorithm>
#include <regex>
#include <span>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "mpnvse/files.h"
#include "mpnvse/game_folder.h"
#include "mpnvse/pdb.h"

namespace mp::tools {

namespace {

namespace fs = std::filesystem;

/// Of a line that is looked at, in bytes: the library's expressions take stack for each of them.
constexpr std::size_t kLongestLine = 4096;

/// What tells a function by the offset of a place in it; "" when it does not know.
using Teller = std::function<std::string(std::uint64_t offset)>;

/// A file in one of the folders, by its name in any case.
std::optional<fs::path> find_in(std::span<const fs::path> folders, const std::string& name) {
    for (const fs::path& folder : folders) {
        if (auto found = find_inside(folder, name)) {
            return found;
        }
    }
    return std::nullopt;
}

Teller from_map(std::span<const fs::path> folders, const std::string& stem) {
    const auto path = find_in(folders, stem + ".map");
    const auto bytes = path ? read_file(*path) : std::unexpected(std::string());
    auto map = bytes ? MapFile::read({reinterpret_cast<const char*>(bytes->data()), bytes->size()}) : std::nullopt;
    return map ? [map = std::move(*map)](std::uint64_t offset) { return map.name_at(offset); } : Teller();
}

Teller teller_of(std::span<const fs::path> folders, const std::string& module) {
    const std::string stem = module.substr(0, module.rfind('.'));
    if (Teller teller = from_map(folders, stem)) {
        return teller;
    }
    const auto pdb = find_in(folders, stem + ".pdb");
    return pdb ? functions_of_pdb(*pdb, find_in(folders, module)) : Teller();
}

}  // namespace

std::optional<MapFile> MapFile::read(std::string_view text) {
    // " 0001:00000010       ?foo@@YAXXZ                10001010 f   foo.obj", below " Preferred load address is
    // 10000000".
    static const std::regex microsoft(R"(^ [0-9a-fA-F]{4}:[0-9a-fA-F]{8,16}\s+(\S+)\s+([0-9a-fA-F]{8,16})\s.*)");
    static const std::regex microsoft_base(R"(^\s*Preferred load address is ([0-9a-fA-F]{1,16})\s*)");
    // "                0x10001990                foo", with "0x10000000                __image_base__ = ..." among
    // them.
    static const std::regex gnu(R"(^\s+0x([0-9a-fA-F]{1,16})\s+([A-Za-z_.$?@][^=]*?)(\s*=.*)?\s*)");
    MapFile map;
    std::map<std::uint64_t, std::string> by_address;
    std::uint64_t base = 0;
    std::istringstream lines{std::string(text)};
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > kLongestLine) {
            continue;
        }
        if (std::regex_match(line, match, microsoft_base)) {
            base = std::stoull(match[1], nullptr, 16);
        } else if (std::regex_match(line, match, microsoft)) {
            by_address.emplace(std::stoull(match[2], nullptr, 16), match[1]);
        } else if (std::regex_match(line, match, gnu)) {
            const std::uint64_t address = std::stoull(match[1], nullptr, 16);
            base = match[2] == "__image_base__" ? address : base;
            by_address.emplace(address, std::regex_replace(match[2].str(), std::regex(", *"), ","));
        }
    }
    for (auto& [address, name] : by_address) {
        if (address > base) {
            map.functions_.emplace(address - base, std::move(name));
        }
    }
    return map.functions_.empty() ? std::nullopt : std::optional(std::move(map));
}

std::string MapFile::name_at(std::uint64_t offset) const {
    const auto behind = functions_.upper_bound(offset);
    if (behind == functions_.begin()) {
        return {};
    }
    const auto& [start, name] = *std::prev(behind);
    return with_offset(name, offset - start);
}

std::string FunctionNames::name_at(const std::string& module, std::uint64_t offset) {
    const auto [teller, is_new] = tellers_.try_emplace(module);
    if (is_new) {
        if (!looked_in_) {
            looked_in_ = folders_();
        }
        teller->second = teller_of(*looked_in_, module);
    }
    return teller->second ? teller->second(offset) : "";
}

std::string FunctionNames::added_to_finding(const std::string& line) {
    static const std::regex place(R"(([^\s,;:"]+\.(?:dll|exe))\+0x([0-9A-Fa-f]{1,8}))", std::regex::icase);
    if (line.size() > kLongestLine) {
        return line;
    }
    std::string named;
    auto last = line.begin();
    for (std::sregex_iterator one(line.begin(), line.end(), place), none; one != none; ++one) {
        const std::string name = name_at((*one)[1], std::stoull((*one)[2], nullptr, 16));
        named.append(last, (*one)[0].second);
        named += name.empty() ? "" : fmt::format(" [{}]", name);
        last = (*one)[0].second;
    }
    return named.append(last, line.end());
}

std::string FunctionNames::added_to(const std::string& session) {
    constexpr std::string_view kFinding = "\"finding: ";
    std::string named;
    std::size_t done = 0;
    for (std::size_t at = session.find(kFinding); at != std::string::npos; at = session.find(kFinding, done)) {
        named.append(session, done, at - done);
        done = std::min(session.find('\n', at), session.size());
        named += added_to_finding(session.substr(at, done - at));
    }
    return named.append(session, done);
}

}  // namespace mp::tools
