#include "mpnvse/sha256.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <mbedtls/sha256.h>

namespace mp::tools {

namespace {

constexpr std::size_t kStep = 1 << 20;

// Version 3 of the library dropped the suffix; the functions of version 2 cannot fail in the build that we use.
#if defined(MBEDTLS_VERSION_MAJOR) && MBEDTLS_VERSION_MAJOR >= 3
void start(mbedtls_sha256_context& context) {
    static_cast<void>(mbedtls_sha256_starts(&context, 0));
}
void add(mbedtls_sha256_context& context, std::span<const std::uint8_t> data) {
    static_cast<void>(mbedtls_sha256_update(&context, data.data(), data.size()));
}
void finish(mbedtls_sha256_context& context, std::array<std::uint8_t, 32>& digest) {
    static_cast<void>(mbedtls_sha256_finish(&context, digest.data()));
}
#else
void start(mbedtls_sha256_context& context) {
    static_cast<void>(mbedtls_sha256_starts_ret(&context, 0));
}
void add(mbedtls_sha256_context& context, std::span<const std::uint8_t> data) {
    static_cast<void>(mbedtls_sha256_update_ret(&context, data.data(), data.size()));
}
void finish(mbedtls_sha256_context& context, std::array<std::uint8_t, 32>& digest) {
    static_cast<void>(mbedtls_sha256_finish_ret(&context, digest.data()));
}
#endif

}  // namespace

std::string sha256(std::span<const std::uint8_t> data, const std::function<void(std::size_t)>& progress) {
    mbedtls_sha256_context context;
    mbedtls_sha256_init(&context);
    start(context);
    for (std::size_t done = 0; done < data.size(); done += kStep) {
        add(context, data.subspan(done, std::min(kStep, data.size() - done)));
        if (progress) {
            progress(done);
        }
    }
    std::array<std::uint8_t, 32> digest{};
    finish(context, digest);
    mbedtls_sha256_free(&context);
    return fmt::format("{:02x}", fmt::join(digest, ""));
}

}  // namespace mp::tools
