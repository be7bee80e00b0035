#include "mpnvse/zip_file.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include <fmt/format.h>

#include <zip.h>

namespace mp::tools {

namespace {

/// What the library writes to: it goes back to complete what it wrote.
struct Memory {
    std::string bytes;
    std::size_t at = 0;
};

Memory& memory(void* stream) {
    return *static_cast<Memory*>(stream);
}

zlib_filefunc64_def functions_of(Memory& target) {
    zlib_filefunc64_def functions{};
    functions.opaque = &target;
    functions.zopen64_file = [](void* opaque, const void* /*name*/, int /*mode*/) { return opaque; };
    functions.zread_file = [](void* /*opaque*/, void* /*stream*/, void* /*out*/, uLong /*size*/) { return uLong{0}; };
    functions.zwrite_file = [](void* /*opaque*/, void* stream, const void* data, uLong size) {
        Memory& to = memory(stream);
        try {
            to.bytes.resize(std::max<std::size_t>(to.bytes.size(), to.at + size));
        } catch (const std::bad_alloc&) {  // the library cannot pass it on
            return uLong{0};
        }
        std::memcpy(to.bytes.data() + to.at, data, size);
        to.at += size;
        return size;
    };
    functions.ztell64_file = [](void* /*opaque*/, void* stream) { return ZPOS64_T{memory(stream).at}; };
    functions.zseek64_file = [](void* /*opaque*/, void* stream, ZPOS64_T offset, int origin) {
        Memory& in = memory(stream);
        const std::size_t from = origin == ZLIB_FILEFUNC_SEEK_CUR   ? in.at
                                 : origin == ZLIB_FILEFUNC_SEEK_END ? in.bytes.size()
                                                                    : 0;
        in.at = from + static_cast<std::size_t>(offset);
        return long{0};
    };
    functions.zclose_file = [](void* /*opaque*/, void* /*stream*/) { return 0; };
    functions.zerror_file = [](void* /*opaque*/, void* /*stream*/) { return 0; };
    return functions;
}

/// Zips hold local times.
zip_fileinfo information(std::filesystem::file_time_type time) {
    const auto age = std::filesystem::file_time_type::clock::now() - time;
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(now - std::chrono::duration_cast<std::chrono::seconds>(age));
    zip_fileinfo information{};
    if (const std::tm* local = std::localtime(&seconds)) {
        constexpr int kFirstYear = 1900;
        information.tmz_date = {.tm_sec = local->tm_sec,
                                .tm_min = local->tm_min,
                                .tm_hour = local->tm_hour,
                                .tm_mday = local->tm_mday,
                                .tm_mon = local->tm_mon,
                                .tm_year = local->tm_year + kFirstYear};
    }
    return information;
}

bool add(zipFile zip, const ZipEntry& entry) {
    constexpr uLong kMadeBy = 0;  // MS-DOS: no permissions
    constexpr uLong kNamesAreUtf8 = 1U << 11;
    const zip_fileinfo about = information(entry.time);
    const int opened = zipOpenNewFileInZip4_64(zip, entry.name.c_str(), &about, nullptr, 0, nullptr, 0, nullptr,
                                               Z_DEFLATED, Z_DEFAULT_COMPRESSION, 0, -MAX_WBITS, DEF_MEM_LEVEL,
                                               Z_DEFAULT_STRATEGY, nullptr, 0, kMadeBy, kNamesAreUtf8, 0);
    return opened == ZIP_OK &&
           zipWriteInFileInZip(zip, entry.bytes.data(), static_cast<unsigned>(entry.bytes.size())) == ZIP_OK &&
           zipCloseFileInZip(zip) == ZIP_OK;
}

}  // namespace

std::expected<std::string, std::string> make_zip(const std::vector<ZipEntry>& entries) {
    Memory memory;
    zlib_filefunc64_def functions = functions_of(memory);
    const zipFile zip = zipOpen2_64("", APPEND_STATUS_CREATE, nullptr, &functions);
    if (zip == nullptr) {
        return std::unexpected("the zip cannot be made: no memory");
    }
    std::string problem;
    for (const ZipEntry& entry : entries) {
        if (problem.empty() && !add(zip, entry)) {
            problem = fmt::format("{}: cannot be packed", entry.name);
        }
    }
    if (zipClose(zip, nullptr) != ZIP_OK && problem.empty()) {
        problem = "the zip cannot be finished";
    }
    if (!problem.empty()) {
        return std::unexpected(problem);
    }
    return std::move(memory.bytes);
}

}  // namespace mp::tools
