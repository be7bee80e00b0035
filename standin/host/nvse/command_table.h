// The table of script commands: a flat array of copies, indexed by opcode from 0x1000.
#pragma once

#include "game/nvse_abi.h"

#include <cstdint>
#include <vector>

namespace mp::host {

inline constexpr std::uint32_t kFirstOpcode = 0x1000;
inline constexpr std::uint32_t kLowestBase = 0x2000;
inline constexpr std::uint32_t kEndOfBases = 0x8000;
inline constexpr std::uint8_t kReturnTypes = 6;  ///< larger numbers become 0, the number type

class CommandTable {
public:
    /// Copies `info` to the next opcode, over whatever stands there, and fills its opcode. `owner` is the plugin's
    /// handle, 0 = the extender.
    void add(const nvse::CommandInfo& info, std::uint8_t return_type, std::uint32_t required, nvse::PluginHandle owner);
    /// False when `base` is outside [kLowestBase, kEndOfBases).
    bool set_next_opcode(std::uint32_t base);

    [[nodiscard]] const nvse::CommandInfo* begin() const { return commands_.data(); }
    [[nodiscard]] const nvse::CommandInfo* end() const { return commands_.data() + commands_.size(); }
    [[nodiscard]] const nvse::CommandInfo* by_opcode(std::uint32_t opcode) const;
    /// Long or short name, without regard to case; the first one wins.
    [[nodiscard]] const nvse::CommandInfo* by_name(const char* name) const;
    [[nodiscard]] std::uint32_t return_type(const nvse::CommandInfo* command) const;
    [[nodiscard]] std::uint32_t required_version(const nvse::CommandInfo* command) const;
    [[nodiscard]] nvse::PluginHandle owner(const nvse::CommandInfo* command) const;

private:
    struct Meta {
        std::uint8_t return_type = 0;
        std::uint32_t required = 0;
        nvse::PluginHandle owner = 0;
    };
    [[nodiscard]] const Meta* meta(const nvse::CommandInfo* command) const;

    std::vector<nvse::CommandInfo> commands_;
    std::vector<Meta> meta_;
    std::uint32_t next_ = kFirstOpcode;
};

}  // namespace mp::host
