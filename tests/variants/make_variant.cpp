// make_variant IN OUT SEED: writes a variant of the stand-in's executable (tests/support/variants.h).
#include <charconv>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <string_view>

#include "mpnvse/files.h"
#include "support/variants.h"

namespace {

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

int make(const char* in, const char* out, std::uint32_t seed) {
    const auto file = mp::tools::read_file(in);
    if (!file) {
        std::fprintf(stderr, "%s\n", file.error().c_str());
        return 1;
    }
    const auto variant = mp::test::variant_of(*file, seed);
    const std::filesystem::path original = in;
    const auto written =
        mp::tools::write_file(out, {reinterpret_cast<const char*>(variant.data()), variant.size()}, {&original, 1});
    if (!written) {
        std::fprintf(stderr, "%s\n", written.error().c_str());
        return 1;
    }
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    const std::span all(arguments, static_cast<std::size_t>(count));
    const auto seed = all.size() == 4 ? number(all[3]) : std::nullopt;
    if (!seed) {
        std::fputs("usage: make_variant IN OUT SEED\n", stderr);
        return 2;
    }
    try {
        return make(all[1], all[2], *seed);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
