#!/usr/bin/env bash
# scripts/setup.sh [run|bench|test|coverage]: makes this checkout ready on Debian 12: packages, third-party sources, private
# Wine.
# Repeatable; a second call only checks. "run" installs what the demonstration needs, "test" (default) everything but what
# "coverage" adds.
# Nothing on the host is removed or exchanged: packages are only added, Wine stays inside .cache.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
MP_STEP=setup

readonly RUN_PACKAGES=(
    ca-certificates cmake ninja-build patch python3 xz-utils
    clang-19 lld-19 g++-mingw-w64-i686-posix # Windows programs
    libc6-i386 lib32gcc-s1                   # what the private Wine needs
)
readonly TEST_PACKAGES=(
    g++ libc6-dev-i386 lib32gcc-12-dev lib32stdc++-12-dev # Linux, 64 and 32 bits
    libclang-rt-19-dev clang-format-19 clang-tidy-19 shellcheck ccache
    chromium # the report page is looked at
)

# The benchmark: a 32-bit compiler for Linux, charts, instruction counts.
readonly BENCH_PACKAGES=(g++ libc6-dev-i386 lib32gcc-12-dev lib32stdc++-12-dev python3-pygal valgrind)

missing_packages() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
    done
}

# A stale or missing package index makes the first attempt fail; the second one has a fresh index.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "not a Debian system; please install: ${missing[*]}"
    say "installing ${missing[*]}"
    local log="$MP_CACHE/apt.log"
    mkdir -p "$MP_CACHE"
    apt_install "${missing[@]}" >"$log" 2>&1 && return 0
    say "refreshing the package index"
    as_root apt-get -q update >>"$log" 2>&1 || say "the index could be refreshed in part only; going on"
    apt_install "${missing[@]}" >>"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        die "installing packages failed: see $log"
    }
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --no-remove \
        -o Acquire::Retries=2 -o Dpkg::Options::=--force-confold install "$@"
}

readonly WINE_STAMP='wine 8.0~repack-4, tree 3'

# The pins: archive path and SHA-256.
readonly WINE_DEBS=(
    'pool/main/w/wine/libwine_8.0~repack-4_i386.deb c992aad6a47d81b719514f5d06c5df10267f1e40a6f4f3b4e3f655cbbf308d57'
    'pool/main/w/wine/wine32_8.0~repack-4_i386.deb 8d2ea88c4f45e813401e10f139456098f21a9a68440b36ea0da4644a2cbe21f8'
    'pool/main/libz/libz-mingw-w64/libz-mingw-w64_1.2.13+dfsg-1_all.deb b9e73ca486bc2aa66da86b5724220d2dd7c8299636b1df74c3414757a2170615'
)

# fetch_foreign POOL_PATH HASH: second way for the 32-bit packages: apt itself with a configuration of its own (Debian's
# main suite, i386, empty package state), so that the host knows nothing of the foreign architecture.
fetch_foreign() {
    local path="$1" hash="$2" name target apt="$MP_CACHE/apt-i386" keyring site
    name="$(basename "$path")"
    target="$MP_DOWNLOADS/$name"
    rm -rf "$apt" && mkdir -p "$apt"/{lists/partial,cache/archives/partial,sources}
    : >"$apt/status"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    for site in $(apt_sites); do
        printf 'deb [signed-by=%s] %s bookworm main\n' "$keyring" "$site"
    done >"$apt/sources/main.list"
    cat >"$apt/apt.conf" <<CONF
APT::Architecture "i386";
APT::Architectures { "i386"; };
APT::Sandbox::User "root";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
CONF
    say "looking for $name through a private package index"
    (
        cd "$apt/cache"
        export APT_CONFIG="$apt/apt.conf"
        apt-get -q update || true
        apt-get -q download "${name%%_*}"
    ) >"$apt/log" 2>&1 || true
    has_sha256 "$apt/cache/$name" "$hash" && mv -f "$apt/cache/$name" "$target"
}

setup_wine() {
    [ "$(cat "$MP_WINE_TREE/.complete" 2>/dev/null)" = "$WINE_STAMP" ] && return 0
    local part="$MP_WINE_TREE.part" entry path hash
    say "private Wine"
    rm -rf "$part" && mkdir -p "$part"
    for entry in "${WINE_DEBS[@]}"; do
        read -r path hash <<<"$entry"
        fetch_pool "$path" "$hash" || fetch_foreign "$path" "$hash" ||
            die "$(basename "$path") is not available from the configured archive"
        dpkg-deb -x "$MP_DOWNLOADS/$(basename "$path")" "$part"
    done
    # The packaged server is a script with fixed paths; Wine without zlib1.dll hangs.
    mv -f "$part/usr/lib/wine/wineserver32" "$part/usr/lib/wine/wineserver"
    cp "$part/usr/i686-w64-mingw32/lib/zlib1.dll" "$part/usr/lib/i386-linux-gnu/wine/i386-windows/"
    i686-w64-mingw32-gcc-posix -O1 -s -o "$part/wine-holder.exe" "$MP_ROOT/scripts/wine-holder.c"
    clang-19 -m32 -O1 -fPIC -fno-stack-protector -ffreestanding -fuse-ld=lld -shared -nostdlib -o "$part/page-faults.so" \
        "$MP_ROOT/scripts/page-faults.c"
    printf '%s\n' "$WINE_STAMP" >"$part/.complete"
    rm -rf "$MP_WINE_TREE"
    mv "$part" "$MP_WINE_TREE"
    for entry in "${WINE_DEBS[@]}"; do
        rm -f "$MP_DOWNLOADS/$(basename "${entry%% *}")"
    done
}

# A kernel can be made, or set, to run 64-bit programs only. Then it is told of an emulator for 32-bit ones, for as long as
# it runs: much slower, but everything works the same. Debian's newer build: the one of Debian 12 cannot run Wine.
readonly EMULATOR_ENTRY=/proc/sys/fs/binfmt_misc/qemu-i386
readonly EMULATOR_DEB='pool/main/q/qemu/qemu-user_10.0.2+ds-2+deb13u1~bpo12+1_amd64.deb'
readonly EMULATOR_SHA='10a2dec99f2b2d0b1097ff0375aea35b89322d6631fc96700511b02e05bf6fef'

setup_32bit() {
    runs_32bit && return 0
    say "this kernel runs 64-bit programs only: 32-bit ones get an emulator, which is several times slower"
    local part="$MP_CACHE/emulator.part" folder="${EMULATOR_ENTRY%/*}"
    fetch_pool "$EMULATOR_DEB" "$EMULATOR_SHA" || die "$(basename "$EMULATOR_DEB") is not available from the configured archive"
    rm -rf "$part" && mkdir -p "$part"
    dpkg-deb --fsys-tarfile "$MP_DOWNLOADS/$(basename "$EMULATOR_DEB")" | tar -x -C "$part" ./usr/bin/qemu-i386
    [ -e "$folder/register" ] || as_root mount -t binfmt_misc binfmt_misc "$folder" ||
        die "32-bit programs cannot run here: the kernel refuses them and has no binfmt_misc"
    # The first bytes of a 32-bit x86 program; F: the file is opened now, so that it serves in every root.
    local magic='\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00'
    local mask='\xff\xff\xff\xff\xff\xfe\xfe\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf ':%s:M::%s:%s:%s:F' "$(basename "$EMULATOR_ENTRY")" "$magic" "$mask" "$part/usr/bin/qemu-i386" |
        as_root tee "$folder/register" >/dev/null
    rm -rf "$part"
    runs_32bit || die "32-bit programs do not run here, not even with the emulator"
}

main() {
    local kind="${1:-test}"
    case "$kind" in
        run) install_packages "${RUN_PACKAGES[@]}" ;;
        bench) install_packages "${RUN_PACKAGES[@]}" "${BENCH_PACKAGES[@]}" ;;
        test) install_packages "${RUN_PACKAGES[@]}" "${BENCH_PACKAGES[@]}" "${TEST_PACKAGES[@]}" ;;
        coverage) install_packages "${RUN_PACKAGES[@]}" "${BENCH_PACKAGES[@]}" "${TEST_PACKAGES[@]}" gcovr ;;
        *) die "usage: scripts/setup.sh [run|bench|test|coverage]" ;;
    esac
    # Debian's npm and one from elsewhere exclude each other: what is there serves.
    command -v npm >/dev/null || install_packages npm
    "$MP_ROOT/scripts/fetch-deps.sh"
    with_lock "$MP_CACHE/emulator.lock" setup_32bit
    with_lock "$MP_CACHE/wine.lock" setup_wine
    say "ready"
}

main "$@"
