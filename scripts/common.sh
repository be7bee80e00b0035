# shellcheck shell=bash
# Sourced by the other scripts: paths, plain progress lines, verified downloads.
# Contract: the sourcing script has set -euo pipefail. Nothing here writes outside the checkout.

MP_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
MP_CACHE="${MP_CACHE_DIR:-$MP_ROOT/.cache}"
MP_DOWNLOADS="$MP_CACHE/downloads"
MP_DEPS="$MP_CACHE/deps"
MP_WINE_TREE="$MP_CACHE/wine"
export MP_ROOT MP_CACHE MP_DOWNLOADS MP_DEPS MP_WINE_TREE

say() { printf '[%s] %s\n' "${MP_STEP:-setup}" "$*"; }

die() {
    printf '[%s] error: %s\n' "${MP_STEP:-setup}" "$*" >&2
    exit 1
}

# as_root COMMAND...: runs it directly as root, else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root for: $* (run as root, or install sudo)"
    fi
}

# has_sha256 FILE HASH: true when the file exists and has that hash.
has_sha256() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

# apt_sites: the base addresses of the machine's own configured archives, one a line.
apt_sites() {
    # shellcheck disable=SC2016 # apt's own format, not ours
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | awk 'NF && !seen[$0]++'
}

# fetch_pool POOL_PATH HASH: leaves the verified file in $MP_DOWNLOADS under its own name. The path is below the archive's
# base address, so no package index is needed and a stale one cannot hurt.
fetch_pool() {
    local path="$1" hash="$2" site target
    target="$MP_DOWNLOADS/$(basename "$path")"
    has_sha256 "$target" "$hash" && return 0
    mkdir -p "$MP_DOWNLOADS"
    for site in $(apt_sites); do
        say "fetching $(basename "$path")"
        # apt's own downloader: it knows the machine's proxies and credentials.
        if /usr/lib/apt/apt-helper -o Acquire::Retries=2 -o APT::Sandbox::User=root -q \
            download-file "${site%/}/$path" "$target.part" "SHA256:$hash" >"$target.log" 2>&1 &&
            has_sha256 "$target.part" "$hash"; then
            mv -f "$target.part" "$target"
            rm -f "$target.log"
            return 0
        fi
        rm -f "$target.part"
    done
    fetch_by_index "$path" "$hash" "$target"
}

# fetch_by_index POOL_PATH HASH TARGET: second way for a .deb of the host's architecture: through apt's index, refreshed
# when it is stale.
fetch_by_index() {
    local path="$1" hash="$2" target="$3" name version scratch attempt
    case "$path" in *_amd64.deb | *_all.deb) ;; *) return 1 ;; esac
    IFS=_ read -r name version _ <<<"$(basename "$path")"
    scratch="$(mktemp -d "$MP_DOWNLOADS/by-index.XXXXXX")"
    for attempt in first second; do
        [ "$attempt" = first ] || as_root apt-get -q update >/dev/null 2>&1 || true
        if (cd "$scratch" && apt-get -q -o APT::Sandbox::User=root download "$name" >/dev/null 2>&1) &&
            has_sha256 "$(find "$scratch" -name '*.deb' -print -quit)" "$hash"; then
            mv -f "$scratch"/*.deb "$target"
            rm -rf "$scratch"
            return 0
        fi
        rm -f "$scratch"/*.deb
    done
    rm -rf "$scratch"
    say "could not fetch $name $version: see $target.log"
    return 1
}

# runs_32bit: true when the machine runs 32-bit programs, by itself or through an emulator.
runs_32bit() { /lib/ld-linux.so.2 --version >/dev/null 2>&1; }

# emulates_32bit: true when an emulator does it (scripts/setup.sh); everything takes several times as long then. The kernel
# tells 32-bit programs its own machine, an emulator the one that it imitates.
emulates_32bit() { ! /lib/ld-linux.so.2 --list-diagnostics | grep -F "uname.machine=\"$(uname -m)\"" >/dev/null; }

# run_passing_signals COMMAND...: as if it ran in front, but a signal to the script reaches it, and is waited for. Standard input
# stays the script's.
run_passing_signals() {
    local child code=0
    "$@" <&0 &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null || true' INT TERM HUP
    wait "$child" || code=$?
    if kill -0 "$child" 2>/dev/null; then
        code=0
        wait "$child" || code=$?
    fi
    trap - INT TERM HUP
    return "$code"
}

# with_lock FILE COMMAND...: runs the command while holding an exclusive lock, so that parallel set-ups do not collide.
with_lock() {
    local file="$1"
    shift
    mkdir -p "$(dirname "$file")"
    (
        flock -x 8
        "$@" 8>&-
    ) 8>"$file"
}
