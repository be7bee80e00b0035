#include "host/nvse/script_line.h"

#include <cstdlib>
#include <cstring>

namespace mp::host {
namespace {

enum Type : std::uint32_t { kString = nvse::ParamInfo::kString, kInteger = 1, kFloat = 2 };

template <typename Value>
void append(std::vector<std::uint8_t>* data, Value value) {
    const std::size_t end = data->size();
    data->resize(end + sizeof value);
    std::memcpy(data->data() + end, &value, sizeof value);
}

/// False when the word is none of the type.
bool append_argument(std::vector<std::uint8_t>* data, std::uint32_t type, const std::string& word) {
    char* end = nullptr;
    switch (type) {
    case kString:
        append(data, static_cast<std::uint16_t>(word.size()));
        data->insert(data->end(), word.begin(), word.end());
        return word.size() < nvse::kStringArgumentSize;
    case kInteger:
        append(data, 'n');
        append(data, static_cast<std::int32_t>(std::strtol(word.c_str(), &end, 10)));
        return *end == '\0';
    case kFloat:
        append(data, 'z');
        append(data, std::strtod(word.c_str(), &end));
        return *end == '\0';
    default:
        return false;
    }
}

/// Reads compiled data from the front.
struct Reader {
    const std::uint8_t* at;

    template <typename Value>
    Value take() {
        Value value;
        std::memcpy(&value, at, sizeof value);
        at += sizeof value;
        return value;
    }
    void take_string(char* out) {
        const auto size = take<std::uint16_t>();
        std::memcpy(out, at, size);
        out[size] = '\0';
        at += size;
    }
};

}  // namespace

std::string take_word(std::string* text) {
    const std::size_t start = text->find_first_not_of(' ');
    if (start == std::string::npos) {
        text->clear();
        return {};
    }
    const bool quoted = (*text)[start] == '"';
    const std::size_t first = start + (quoted ? 1 : 0);
    const std::size_t last = text->find(quoted ? '"' : ' ', first);
    const std::string word = text->substr(first, last == std::string::npos ? last : last - first);
    *text = last == std::string::npos ? std::string() : text->substr(last + 1);
    return word;
}

ScriptLine compile_line(const nvse::CommandInfo& command, std::string arguments) {
    ScriptLine line;
    std::vector<std::uint8_t> compiled;
    std::uint16_t count = 0;
    for (; count < command.param_count && arguments.find_first_not_of(' ') != std::string::npos; ++count) {
        if (!append_argument(&compiled, command.params[count].type, take_word(&arguments))) {
            line.problem = std::string("Invalid parameter ") + command.params[count].name;
            return line;
        }
    }
    if (count < command.param_count && command.params[count].optional == 0) {
        line.problem = std::string("Missing parameter ") + command.params[count].name;
        return line;
    }
    append(&line.data, static_cast<std::uint16_t>(command.opcode));
    append(&line.data, static_cast<std::uint16_t>(compiled.size() + sizeof count));
    append(&line.data, count);
    line.data.insert(line.data.end(), compiled.begin(), compiled.end());
    return line;
}

bool extract_arguments(const nvse::ParamInfo* params, const void* script_data, std::uint32_t* offset,
                       std::va_list places) {
    const auto* start = static_cast<const std::uint8_t*>(script_data);
    Reader reader{start + *offset};
    const auto count = reader.take<std::uint16_t>();
    for (std::uint16_t i = 0; i < count; ++i) {
        switch (params[i].type) {
        case kString:
            reader.take_string(va_arg(places, char*));
            break;
        case kInteger:
            reader.take<char>();
            *va_arg(places, std::int32_t*) = reader.take<std::int32_t>();
            break;
        case kFloat:
            reader.take<char>();
            *va_arg(places, float*) = static_cast<float>(reader.take<double>());
            break;
        default:
            return false;
        }
    }
    *offset = static_cast<std::uint32_t>(reader.at - start);
    return true;
}

}  // namespace mp::host
