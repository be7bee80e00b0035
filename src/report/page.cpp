#include "report/page.h"

#include <stdexcept>

#include <nlohmann/json.hpp>

#include "report/comparison.h"
#include "report/data.h"
#include "report/embedded.h"

namespace mp::report {

namespace {

using Json = nlohmann::ordered_json;

/// Appends `source` up to the next placeholder "@name@" and what stands for it.
class Filler {
public:
    explicit Filler(std::string_view source) : rest_(source) {}

    Filler& fill(std::string_view placeholder, std::string_view text) {
        const std::size_t at = rest_.find(placeholder);
        if (at == std::string_view::npos) {
            throw std::logic_error("the page lacks the placeholder " + std::string(placeholder));
        }
        page_.append(rest_.substr(0, at)).append(text);
        rest_.remove_prefix(at + placeholder.size());
        return *this;
    }

    std::string finish() { return page_.append(rest_); }

private:
    std::string_view rest_;
    std::string page_;
};

/// JSON inside a script element: "<" could end it. Texts that are not UTF-8 lose those bytes.
std::string script_json(const Json& data) {
    const std::string plain = data.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string safe;
    safe.reserve(plain.size());
    for (const char c : plain) {
        if (c == '<') {
            safe += "\\u003c";
        } else {
            safe += c;
        }
    }
    return safe;
}

std::string page(const Json& data) {
    return Filler(embedded::html())
        .fill("@chart licence@", embedded::chart_licence())
        .fill("@chart style@", embedded::chart_style())
        .fill("@style@", embedded::style())
        .fill("@data@", script_json(data))
        .fill("@chart script@", embedded::chart_script())
        .fill("@script@", embedded::script())
        .finish();
}

}  // namespace

std::string session_page(const session::Session& session, const std::string& label) {
    return page({{"sessions", Json::array({session_data(session, label)})}, {"comparison", nullptr}});
}

std::string comparison_page(const session::Session& first, const std::string& first_label,
                            const session::Session& second, const std::string& second_label) {
    return page({{"sessions", Json::array({session_data(first, first_label), session_data(second, second_label)})},
                 {"comparison", comparison_data(compare(first, second))}});
}

}  // namespace mp::report
