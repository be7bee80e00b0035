#!/usr/bin/env bash
# Fetches every third-party source the build needs into .cache/deps, verified by SHA-256 (docs/dependencies.md).
# Repeatable: what is already there is not fetched again. Called by scripts/setup.sh and by CMake when something is missing.
# "fetch-deps.sh bench" also fetches what the benchmark compares with; a peer that is not to be had is left out.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
MP_STEP=deps

readonly LLVM_ORIG='pool/main/l/llvm-toolchain-19/llvm-toolchain-19_19.1.7.orig.tar.xz'
readonly LLVM_SHA='ae498f3bc58ae2d9f64ef5f0c035c4240152bf015a5b7738b15c22e93bdc97ce'

# rpmalloc_cmake check|download FOLDER: hashes and upstream address live in cmake/Rpmalloc.cmake.
rpmalloc_cmake() {
    command -v cmake >/dev/null || die "cmake is missing: run scripts/setup.sh first"
    cmake -DMODE="$1" -DFOLDER="$2" -P "$MP_ROOT/cmake/Rpmalloc.cmake" >/dev/null 2>&1
}

rpmalloc_from_upstream() {
    local part="$MP_DEPS/rpmalloc.part"
    rm -rf "$part" && mkdir -p "$part"
    rpmalloc_cmake download "$part"
}

rpmalloc_from_debian() {
    local part="$MP_DEPS/rpmalloc.part" inside='llvm-toolchain-19_19.1.7/llvm/lib/Support/rpmalloc'
    rm -rf "$part" && mkdir -p "$part"
    fetch_pool "$LLVM_ORIG" "$LLVM_SHA" || return 1
    say "taking rpmalloc out of the archive"
    # --occurrence stops reading once both members are out; the SHA-256 of the whole archive is checked already.
    tar -xJf "$MP_DOWNLOADS/$(basename "$LLVM_ORIG")" -C "$part" --strip-components=5 --occurrence=1 \
        "$inside/rpmalloc.c" "$inside/rpmalloc.h" || return 1
    rpmalloc_cmake check "$part" && rm -f "$MP_DOWNLOADS/$(basename "$LLVM_ORIG")"
}

need_rpmalloc() {
    rpmalloc_cmake check "$MP_DEPS/rpmalloc" && return 0
    say "rpmalloc 1.4.5"
    rpmalloc_from_upstream || rpmalloc_from_debian ||
        die "rpmalloc 1.4.5 is neither reachable upstream nor in the configured archive; give its folder with -DMP_RPMALLOC_DIR"
    rm -rf "$MP_DEPS/rpmalloc"
    mv "$MP_DEPS/rpmalloc.part" "$MP_DEPS/rpmalloc"
}

# need_deb NAME POOL_PATH HASH PATH_INSIDE: copies one folder or file of a package to .cache/deps/NAME. The stamp holds the
# package's hash, so that a new pin replaces the old content.
need_deb() {
    local name="$1" path="$2" hash="$3" inside="$4" scratch
    [ "$(cat "$MP_DEPS/$name/.sha256" 2>/dev/null)" = "$hash" ] && return 0
    fetch_pool "$path" "$hash" || die "$name is not available from the configured archive"
    scratch="$(mktemp -d "$MP_DEPS/unpack.XXXXXX")"
    dpkg-deb -x "$MP_DOWNLOADS/$(basename "$path")" "$scratch"
    publish "$name" "$hash" "$scratch/$inside"
    rm -rf "$scratch"
}

# publish NAME HASH SOURCE_FOLDER: moves a finished folder to its place; the stamp is written last.
publish() {
    rm -rf "${MP_DEPS:?}/$1"
    chmod 755 "$3"
    mv "$3" "$MP_DEPS/$1"
    printf '%s\n' "$2" >"$MP_DEPS/$1/.sha256"
    say "$1 ready"
}

# need_source NAME POOL_PATH HASH: unpacks a source archive to .cache/deps/NAME.
need_source() {
    local name="$1" path="$2" hash="$3" scratch
    [ "$(cat "$MP_DEPS/$name/.sha256" 2>/dev/null)" = "$hash" ] && return 0
    fetch_pool "$path" "$hash" || die "$name is not available from the configured archive"
    scratch="$(mktemp -d "$MP_DEPS/unpack.XXXXXX")"
    tar -xf "$MP_DOWNLOADS/$(basename "$path")" -C "$scratch" --strip-components=1
    publish "$name" "$hash" "$scratch"
}

# What the benchmark compares with. In a subshell each: without one of them the others are still there.
fetch_peers() {
    (need_source benchmark 'pool/main/b/benchmark/benchmark_1.7.1.orig.tar.gz' \
        '6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7') ||
        say "no micro benchmarks: Google Benchmark is missing"
    (need_source mimalloc 'pool/main/m/mimalloc/mimalloc_2.0.9+ds.orig.tar.xz' \
        'cbc9d207ff105ad1f0cb739c378076143a6452b8d0624309cea0abfb040e972b') || say "no comparison with mimalloc"
    (need_deb jemalloc 'pool/main/j/jemalloc/libjemalloc2_5.3.0-1_i386.deb' \
        'fdef43ac9f80cd488b7eb91a4c910d37ddb8ba8a6b4c1ff64bf820ed5c9265f7' usr/lib/i386-linux-gnu) ||
        say "no comparison with jemalloc"
    (need_deb jemalloc64 'pool/main/j/jemalloc/libjemalloc2_5.3.0-1_amd64.deb' \
        'a4117c23c5c8acf6c9678a6cb086f000b79476369da7efe8a78a70826956ad3d' usr/lib/x86_64-linux-gnu) ||
        say "no comparison with jemalloc in 64 bits"
}

# The SHA-256 part of Mbed TLS: two sources, their headers and the licence.
need_mbedtls() {
    local path='pool/main/m/mbedtls/mbedtls_2.28.3.orig.tar.gz'
    local hash='3b4953aa55a681e084d31892d9904cc5328d6b4958ea57b90ae4b4f94ae69a8d' scratch
    [ "$(cat "$MP_DEPS/mbedtls/.sha256" 2>/dev/null)" = "$hash" ] && return 0
    fetch_pool "$path" "$hash" || die "Mbed TLS is not available from the configured archive"
    scratch="$(mktemp -d "$MP_DEPS/unpack.XXXXXX")"
    tar -xzf "$MP_DOWNLOADS/$(basename "$path")" -C "$scratch" --strip-components=1 --wildcards \
        '*/LICENSE' '*/include/mbedtls/*.h' '*/library/common.h' '*/library/sha256.c' '*/library/platform_util.c'
    publish mbedtls "$hash" "$scratch"
}

# One header, with what Debian mended in it. Its package has the header without the functions.
need_httplib() {
    local pool='pool/main/c/cpp-httplib' name='cpp-httplib_0.18.7' scratch patch
    local hash='c88f6495da71e778c82c22995b547a92ceb41cc4016f9028df67106a24b9210d'
    local fixes_hash='00ea33189a7421a434b6d9ccb431ef4debce086534d249e8efa89050e7593198'
    [ "$(cat "$MP_DEPS/httplib/.sha256" 2>/dev/null)" = "$hash $fixes_hash" ] && return 0
    if ! fetch_pool "$pool/$name.orig.tar.xz" "$hash" ||
        ! fetch_pool "$pool/$name-1+deb13u1.debian.tar.xz" "$fixes_hash"; then
        die "cpp-httplib is not available from the configured archive"
    fi
    scratch="$(mktemp -d "$MP_DEPS/unpack.XXXXXX")"
    tar -xJf "$MP_DOWNLOADS/$name.orig.tar.xz" -C "$scratch" --strip-components=1 --wildcards \
        '*/httplib.h' '*/LICENSE' '*/test/test.cc'
    tar -xJf "$MP_DOWNLOADS/$name-1+deb13u1.debian.tar.xz" -C "$scratch"
    while read -r patch; do
        patch -s -d "$scratch" -p1 <"$scratch/debian/patches/$patch" || die "cpp-httplib: $patch does not fit"
    done <"$scratch/debian/patches/series"
    rm -rf "$scratch/debian" "$scratch/test"
    publish httplib "$hash $fixes_hash" "$scratch"
}

# What the report page embeds, from the npm registry; package-lock.json pins every file by its SHA-512.
need_npm() {
    local page="$MP_ROOT/src/report/page" hash scratch
    hash="$(sha256sum "$page/package-lock.json" | cut -d' ' -f1)"
    [ "$(cat "$MP_DEPS/npm/.sha256" 2>/dev/null)" = "$hash" ] && return 0
    command -v npm >/dev/null || die "npm is missing: run scripts/setup.sh first"
    say "chart library for the report"
    scratch="$(mktemp -d "$MP_DEPS/unpack.XXXXXX")"
    cp "$page/package.json" "$page/package-lock.json" "$scratch/"
    (cd "$scratch" && npm ci --ignore-scripts --no-audit --no-fund) >"$MP_CACHE/npm.log" 2>&1 || {
        tail -n 20 "$MP_CACHE/npm.log" >&2
        die "npm could not fetch the packages of src/report/page: see $MP_CACHE/npm.log"
    }
    publish npm "$hash" "$scratch"
}

fetch_all() {
    mkdir -p "$MP_DEPS" "$MP_DOWNLOADS"
    need_deb googletest 'pool/main/g/googletest/googletest_1.12.1-0.2_all.deb' \
        '927be72067517da503b6538026d451455c9e860f5dbfe237f792543db7d5a928' usr/src/googletest
    need_deb cli11 'pool/main/c/cli11/libcli11-dev_2.1.2+ds-1_all.deb' \
        'f1f6ee9ec053e0e0bcec47345e241b6a8ee006321248b4329e9ce88d2b4b64a8' usr/include
    need_deb json 'pool/main/n/nlohmann-json3/nlohmann-json3-dev_3.11.2-2_all.deb' \
        'ec57940def6b6186c30be0e0ee81d1e58f86d11a54a145b28686a1e3e4aae801' usr/include
    need_deb fmt 'pool/main/f/fmtlib/libfmt-dev_9.1.0+ds1-2_amd64.deb' \
        'c8fa00dd0269e6eda9fd06668df3d720de4b5a1f647dcd3c6e0ba63f0cbf2150' usr/include
    need_source inih 'pool/main/libi/libinih/libinih_59.orig.tar.gz' \
        '062279922805f5e9a369551a08d5ddb506140fe50774183ffdbb7c22bb97e3f4'
    need_source zydis 'pool/main/z/zydis/zydis_4.0.0.orig.tar.gz' \
        'e990107f80c62afc1deb51de230023a1098db801b8ea6bf483e296d45459e234'
    need_deb zycore 'pool/main/z/zycore-c/libzycore-dev_1.4.1-1_amd64.deb' \
        '20daa9552e632c9a08443690c6933c34f2f63a8d2eb60125688823a20f7322c3' usr/include
    need_mbedtls
    need_source zlib 'pool/main/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz' \
        '60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb'
    need_httplib
    need_npm
    need_rpmalloc
    [ "${1:-}" != bench ] || fetch_peers
}

with_lock "$MP_CACHE/deps.lock" fetch_all "$@"
