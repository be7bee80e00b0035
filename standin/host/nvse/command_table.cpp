#include "host/nvse/command_table.h"

#include <cstring>
#include <string.h>

namespace mp::host {
namespace {

bool same_name(const char* name, const char* wanted) {
    return name != nullptr && *name != '\0' && _stricmp(name, wanted) == 0;
}

}  // namespace

void CommandTable::add(const nvse::CommandInfo& info, std::uint8_t return_type, std::uint32_t required,
                       nvse::PluginHandle owner) {
    const std::size_t index = next_ - kFirstOpcode;
    while (commands_.size() <= index) {
        nvse::CommandInfo padding{};
        padding.long_name = "";
        padding.opcode = kFirstOpcode + static_cast<std::uint32_t>(commands_.size());
        commands_.push_back(padding);
        meta_.push_back({});
    }
    commands_[index] = info;
    commands_[index].opcode = next_++;
    meta_[index] = {return_type < kReturnTypes ? return_type : std::uint8_t{0}, required, owner};
}

bool CommandTable::set_next_opcode(std::uint32_t base) {
    if (base < kLowestBase || base >= kEndOfBases) {
        return false;
    }
    next_ = base;
    return true;
}

const nvse::CommandInfo* CommandTable::by_opcode(std::uint32_t opcode) const {
    const std::size_t index = opcode - kFirstOpcode;
    return opcode >= kFirstOpcode && index < commands_.size() ? &commands_[index] : nullptr;
}

const nvse::CommandInfo* CommandTable::by_name(const char* name) const {
    for (const nvse::CommandInfo& command : commands_) {
        if (same_name(command.long_name, name) || same_name(command.short_name, name)) {
            return &command;
        }
    }
    return nullptr;
}

const CommandTable::Meta* CommandTable::meta(const nvse::CommandInfo* command) const {
    return command >= begin() && command < end() ? &meta_[static_cast<std::size_t>(command - begin())] : nullptr;
}

std::uint32_t CommandTable::return_type(const nvse::CommandInfo* command) const {
    const Meta* found = meta(command);
    return found == nullptr ? 0U : found->return_type;
}

std::uint32_t CommandTable::required_version(const nvse::CommandInfo* command) const {
    const Meta* found = meta(command);
    return found == nullptr ? 0U : found->required;
}

nvse::PluginHandle CommandTable::owner(const nvse::CommandInfo* command) const {
    const Meta* found = meta(command);
    return found == nullptr ? 0U : found->owner;
}

}  // namespace mp::host
